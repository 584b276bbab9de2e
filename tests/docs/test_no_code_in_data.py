"""Nothing that carries code is ever deserialised: no file of this repository knows how to."""

from __future__ import annotations

import ast

import pytest

from docs.tracked import ROOT, tracked

FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "jsonpickle", "shelve", "marshal"}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "builtins.eval", "builtins.exec", "builtins.compile"),
    *("joblib.load", "sklearn.externals.joblib.load", "pandas.read_pickle", "pandas.eval"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all"),
    *("torch.jit.load", "torch.package.PackageImporter", "numpy.core.records.fromfile"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
}
ALLOWED = {
    "tests/workers/test_messages.py": {"pickle": "puts such a message on the queue, to see it refused"},
}
"""The deliberate exceptions, each with its reason."""


def findings(source: str) -> dict[int, str]:
    """What stands in a source that can make code out of data, by line."""
    tree = ast.parse(source)
    names, found = {}, {}
    for node in ast.walk(tree):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
            names |= {
                alias.asname or alias.name.split(".")[0]: alias.asname and alias.name for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        for module in modules:
            if module.split(".")[0] in FORBIDDEN_MODULES:
                found[node.lineno] = module.split(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (wrong := _wrong(_dotted(node.func, names), node)):
            found[node.lineno] = wrong
    return found


def _dotted(node: ast.expr, names: dict[str, str | None]) -> str:
    """``numpy.load`` for ``np.load`` where np is numpy; what is called on a value begins with ``?``."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    if isinstance(node, ast.Name):
        return names.get(node.id) or node.id
    return "?"


def _wrong(called: str, node: ast.Call) -> str | None:
    words = {word.arg: word.value for word in node.keywords}

    def says(name: str, value: object) -> bool:
        return name in words and isinstance(words[name], ast.Constant) and words[name].value is value

    if called in FORBIDDEN_CALLS:
        return called
    if called in ("yaml.load", "yaml.load_all"):
        loader = words.get("Loader") or (node.args[1] if len(node.args) > 1 else None)
        return None if loader is not None and ast.unparse(loader).endswith("SafeLoader") else called
    if called == "torch.load":
        return None if says("weights_only", True) else called
    if "allow_pickle" in words and not says("allow_pickle", False) and not called.startswith("numpy.save"):
        return "allow_pickle"
    if "shell" in words and not says("shell", False):
        return "shell"
    # The second name for the same: frame.eval("…"), store.eval("…"). torch's eval() takes nothing.
    last = called.rpartition(".")[2]
    if last in ("eval", "exec", "read_pickle") and (node.args or node.keywords):
        return called
    return None


def test_no_file_makes_code_of_data():
    found = {}
    for path in tracked("*.py"):
        name = str(path.relative_to(ROOT))
        allowed = ALLOWED.get(name, {})
        for line, what in findings(path.read_text()).items():
            if what not in allowed:
                found[f"{name}:{line}"] = what
    assert not found


def test_no_exception_is_stale():
    for name, allowed in ALLOWED.items():
        assert set(findings((ROOT / name).read_text()).values()) == set(allowed)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import _pickle",
        "def f():\n    import dill",
        "import cloudpickle.cloudpickle",
        "import shelve, os",
        "import marshal",
        "eval(text)",
        "exec(text, {})",
        "compile(text, '', 'exec')",
        "import builtins\nbuiltins.exec(text)",
        "import yaml\nyaml.load(text)",
        "import yaml as y\ny.load(text, Loader=y.FullLoader)",
        "from yaml import unsafe_load\nunsafe_load(text)",
        "import torch\ntorch.load(path)",
        "import torch as t\nt.load(path, weights_only=False)",
        "from torch import load\nload(path, weights_only=flag)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path, allow_pickle=flag)",
        "import pandas as pd\npd.read_pickle(path)",
        "import joblib\njoblib.load(path)",
        "from joblib import load as get\nget(path)",
        "import subprocess\nsubprocess.run(words, shell=True)",
        "import os\nos.system(words)",
        "frame.eval(text)",
    ],
)
def test_the_scan_sees(source):
    assert findings(source)


@pytest.mark.parametrize(
    "source",
    [
        "import ast\nast.literal_eval(text)",
        "import re\nre.compile(text)",
        "net.eval()",
        "import numpy as np\nnp.load(path)\nnp.load(path, allow_pickle=False)",
        "import torch\ntorch.load(path, weights_only=True)",
        "import yaml\nyaml.safe_load(text)\nyaml.load(text, Loader=yaml.CSafeLoader)",
        "import subprocess\nsubprocess.run(words)\nsubprocess.run(words, shell=False)",
        "import json\njson.load(file)",
        "import os\nos.execve(path, words, environment)",
    ],
)
def test_the_scan_lets_pass(source):
    assert not findings(source)
