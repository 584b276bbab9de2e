"""The command line: its group, its errors, and the commands that need no service."""

import csv
import json
import subprocess
import sys
from dataclasses import fields

import click
import numpy as np
import pytest
from click.testing import CliRunner

from oddline import __version__, errors
from oddline.catalog import PARAMETERS
from oddline.workflow import detect
from oddline_api.cli import main as main_module
from oddline_api.cli.main import COMMANDS, EXIT_CODES, cli, exit_code
from oddline_api.cli.options import detection_options
from oddline_workers.render import render
from oddline_workers.settings import Settings


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(1)
    values = np.sin(np.arange(300) / 5) + 0.05 * rng.standard_normal(300)
    values[200] += 8
    rows = [f"2024-01-01 {i // 60:02}:{i % 60:02}:00,{v:.4f}" for i, v in enumerate(values)]
    file = tmp_path / "load.csv"
    file.write_text("time,load\n" + "\n".join(rows) + "\n")
    return file


def test_version_and_help_are_quick_to_load():
    code = (
        "import sys; import oddline_api.cli.main, oddline_api.cli.up, oddline_api.supervisor;"
        "print(*{'numpy', 'pandas', 'httpx', 'rich', 'redis', 'flask', 'celery'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == []


def test_version(run):
    assert run("--version") == (0, f"oddline {__version__}\n", "")


def test_the_help_page_lists_every_command_and_exit_code(run):
    code, out, _ = run("--help")
    assert code == 0
    words = " ".join(out.split())
    for name, (_, text) in COMMANDS.items():
        assert f" {name} {text}" in words
    for number, text in EXIT_CODES.items():
        assert f"{number} {text}" in words


@pytest.mark.parametrize(
    ("words", "named"), [((), COMMANDS), (("credentials",), ("create", "list", "revoke"))]
)
def test_a_group_without_a_command_prints_its_help(run, words, named):
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: oddline")
    assert all(f" {name} " in out for name in named)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page(name):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: cli {name}")


def test_every_parameter_of_the_catalogue_is_an_option():
    @click.command()
    @detection_options
    def command(**values):
        """Nothing."""

    assert [option.name for option in command.params] == list(PARAMETERS)
    for option in command.params:
        assert "--" + option.name.replace("_", "-") in option.opts
        assert all(choice in option.help for choice in PARAMETERS[option.name].choices)


def test_a_wrong_word_is_answered_in_two_lines(run):
    code, out, err = run("detct")
    assert (code, out) == (2, "")
    assert err == "oddline: No such command 'detct'. Did you mean 'detect'?\nSee: oddline --help\n"


def test_every_error_ends_as_a_sentence(run, monkeypatch):
    def failing(**_):
        raise errors.RunError("it broke")

    monkeypatch.setattr(main_module.cli, "main", failing)
    assert run("detect") == (1, "", "oddline: it broke.\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DataError("x"), 2),
        (errors.ParameterError("x"), 2),
        (errors.ModelError("x"), 2),
        (errors.LimitError("x"), 2),
        (errors.LimitError("x", status=503), 3),
        (errors.LimitError("x", status=429), 3),
        (errors.JobError("x"), 4),
        (errors.OddlineError("x", status=401), 4),
        (errors.RunError("x"), 1),
        (errors.OddlineError("x"), 1),
    ],
)
def test_exit_codes(error, code):
    assert exit_code(error) == code
    assert code in EXIT_CODES


def test_an_interrupt_is_quiet(run, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module.cli, "main", interrupted)
    assert run("detect") == (130, "", "")


def test_config_prints_every_setting_and_no_secret(run, monkeypatch):
    monkeypatch.setenv("ODDLINE_REDIS_URL", "redis://:hush@host")
    monkeypatch.setenv("ODDLINE_PORT", "9000")
    code, out, _ = run("config", "--json")
    assert code == 0
    rows = {row["variable"]: row for row in json.loads(out)}
    assert set(rows) == {"ODDLINE_" + item.name.upper() for item in fields(Settings)}
    assert rows["ODDLINE_PORT"]["value"] == 9000
    assert rows["ODDLINE_PORT"]["set"] is True
    assert all(row["help"] for row in rows.values())
    for form in (["--json"], ["--csv"], []):
        assert "hush" not in run("config", *form)[1]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "eighty", "a whole number from 0 to 65535."),
        ("PORT", "70000", "a whole number from 0 to 65535."),
        ("LEASE_SECONDS", "0", "a number of at least 1."),
        ("QUEUE_LIMIT", "many", "a whole number of at least 1 (jobs)."),
    ],
)
def test_a_setting_out_of_range_is_named(run, monkeypatch, name, value, told):
    monkeypatch.setenv(f"ODDLINE_{name}", value)
    code, _, err = run("config")
    assert code == 2
    assert err == f"oddline: ODDLINE_{name} is {value!r}; expected {told}\n"


def test_variables_that_nobody_reads_are_told(run, monkeypatch):
    for name in ("URL", "CLIENT_ID", "CLIENT_SECRET", "WORKRES", "XYZ"):
        monkeypatch.setenv(f"ODDLINE_{name}", "1")
    code, _, err = run("config")
    assert code == 0
    assert err.splitlines() == [
        "oddline: ODDLINE_WORKRES is no setting of Oddline and has no effect. Did you mean ODDLINE_WORKERS?",
        "oddline: ODDLINE_XYZ is no setting of Oddline and has no effect.",
    ]


def test_detect_prints_what_a_service_answers(run, path):
    expected = b"".join(render(detect(path, algorithm_type="PredAD"), "plain"))
    code, out, err = run("detect", path, "--algorithm", "PredAD", "--json")
    assert code == 0
    answer, expected = json.loads(out), json.loads(expected)
    assert err.splitlines() == [f"oddline: {note}" for note in expected["summary"]["notes"]]
    assert answer["rows"] == expected["rows"]
    assert answer["anomalies"] == expected["anomalies"]


def test_detect_for_people_and_as_csv(run, path, tmp_path):
    words = ("--algorithm", "PredAD", "--labeling-method", "Chi-Square")
    code, out, _ = run("detect", path, *words)
    assert code == 0
    assert "2024-01-01 03:20:00" in out  # row 200
    code, out, _ = run("detect", path, *words, "--csv", "-o", tmp_path / "out.csv")
    assert (code, out) == (0, "")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert len(rows) == 300
    assert rows[200]["label"] == "-1"
    assert rows[0]["time"] == "2024-01-01 00:00:00"


def test_detect_reads_stdin(run, path):
    code, out, _ = run("detect", "-", "--algorithm", "PredAD", "--csv", stdin=path.read_bytes())
    assert code == 0
    assert len(out.splitlines()) == 301


def test_detect_draws(run, path, tmp_path):
    code, _, _ = run("detect", path, "--algorithm", "PredAD", "--plot", tmp_path / "a.png")
    assert code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--algorithm", "Foo"], "one of auto"),
        (["--lookback", "0"], "expected 'auto' or a whole number"),
        (["--target", "laod"], "Did you mean 'load'"),
        (["--time-column", "tiem"], "Did you mean 'time'"),
        (["-o", "/nowhere/out.csv"], "Cannot write /nowhere/out.csv: there is no folder /nowhere."),
        (["-o", "/"], "Cannot write /: it is a folder."),
        (["--plot", "/nowhere/x.png"], "Cannot write /nowhere/x.png: there is no folder /nowhere."),
        (["--plot", "x.foo"], "'x.foo' should end in one of .png, .svg, .pdf."),
        (["--json", "--csv"], "--json and --csv exclude each other."),
    ],
)
def test_detect_refuses_in_a_line_or_two_before_it_computes(run, path, words, told, monkeypatch):
    monkeypatch.setattr("oddline.workflow.detect", None)
    code, out, err = run("detect", path, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) <= 2
    assert "Traceback" not in err


@pytest.fixture
def plain(tmp_path):
    """Values and answers, without a time."""
    rng = np.random.default_rng(2)
    values = rng.standard_normal(250)
    values[200:210] += 7
    file = tmp_path / "Data_Label.csv"
    rows = [f"{v:.4f},{int(200 <= i < 210)}" for i, v in enumerate(values)]
    file.write_text("Data,Label\n" + "\n".join(rows) + "\n")
    return file


def scores(text):
    header, *lines = text.splitlines()
    assert header == "score"
    return np.array(lines, dtype=float)


def test_score_writes_one_number_a_row(run, plain, tmp_path):
    out = tmp_path / "out.csv"
    code, said, err = run(
        "score", plain, "-o", out, "--ignore", "Label", "--train", 150, "--algorithm", "WindowAD"
    )
    assert (code, said, err) == (0, "", "")
    found = scores(out.read_text())
    assert found.shape == (250,)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert 195 <= found.argmax() <= 215
    expected = detect(plain, algorithm_type="WindowAD", train_rows=150, target_columns=["Data"]).score
    np.testing.assert_array_equal(found, expected)


def test_score_warns_of_a_column_that_looks_like_the_answers(run, plain):
    code, out, err = run("score", plain, "--algorithm", "WindowAD")
    assert code == 0
    assert len(scores(out)) == 250
    assert err == "oddline: Column 'Label' is judged like any other; --ignore Label leaves it out.\n"


@pytest.mark.parametrize(
    ("ignored", "told"), [(["Lable"], "Did you mean 'Label'"), (["Label", "Data"], "leaves no column")]
)
def test_score_refuses_what_it_cannot_ignore(run, plain, ignored, told):
    code, _, err = run("score", plain, *[word for name in ignored for word in ("--ignore", name)])
    assert code == 2
    assert told in err


def test_score_refuses_to_learn_from_more_rows_than_there_are(run, plain):
    code, _, err = run("score", plain, "--ignore", "Label", "--train", 250)
    assert code == 2
    assert err.startswith("oddline: --train is 250, but the file has 250 rows.")


@pytest.mark.parametrize(
    "name", ["labeling-method", "labeling-threshold", "observation-window", "prediction-type"]
)
def test_score_has_no_option_without_an_effect_on_scores(run, plain, name):
    code, _, err = run("score", plain, f"--{name}", "1")
    assert code == 2
    assert "No such option" in err


def test_score_checks_where_it_writes_before_it_computes(run, plain, monkeypatch):
    monkeypatch.setattr("oddline.workflow.detect", None)
    code, _, err = run("score", plain, "-o", "/nowhere/out.csv")
    assert code == 2
    assert "there is no folder /nowhere" in err


@pytest.mark.parametrize("words", [("score",), ("detect", "--csv"), ("detect", "--json")])
def test_what_was_left_out_is_told_beside_data_for_programs(run, path, words):
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},kind", *(f"{row},red" for row in rows)]) + "\n")
    code, _, err = run(words[0], path, "--algorithm", "PredAD", *words[1:])
    assert code == 0
    assert err.startswith("oddline: ")
    assert "kind" in err


def test_the_service_commands_need_an_account(run, monkeypatch):
    monkeypatch.delenv("ODDLINE_CLIENT_ID", raising=False)
    code, _, err = run("jobs")
    assert code == 2
    assert "ODDLINE_CLIENT_SECRET" in err


def test_no_service_is_said_in_one_line(run, monkeypatch):
    from oddline_api.supervisor import free_port

    monkeypatch.setenv("ODDLINE_URL", url := f"http://127.0.0.1:{free_port('127.0.0.1')}")
    monkeypatch.setenv("ODDLINE_CLIENT_ID", "a")
    monkeypatch.setenv("ODDLINE_CLIENT_SECRET", "b")
    code, out, err = run("jobs")
    assert (code, out) == (3, "")
    assert err == f"oddline: No service answers at {url}. Start one with `oddline up`, or set ODDLINE_URL.\n"
