"""The embedded server: a Redis or Valkey of our own on a unix socket, for a service that was given none."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from oddline.errors import LimitError
from oddline_workers import access, machine, private
from oddline_workers.server_binary import Server, find_server
from oddline_workers.settings import Settings

__all__ = ["EmbeddedServer", "Server", "default_memory", "find_server", "ping", "runs", "supervisor"]

GIB = 1 << 30
SOCKET_LIMIT = 104  # bytes with the closing NUL: 108 on Linux, 104 on macOS

CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {data}
aclfile {users}
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory {memory}
maxmemory-policy noeviction
protected-mode yes
loglevel notice
"""


def default_memory() -> int:
    """Bytes the embedded server may use unless set: a quarter of the RAM, at most 4 GB."""
    return min(machine.memory() // 4, 4 * GIB)


def ping(path: str | os.PathLike[str], password: str, timeout: float = 1.0) -> bool:
    """Whether a server answers its admin on this unix socket; one that still loads its data says no PONG."""
    said = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout)
        try:
            client.connect(os.fspath(path))
            client.sendall(f"AUTH admin {password}\r\nPING\r\n".encode())
            while said.count(b"\n") < 2 and (more := client.recv(256)):
                said += more
        except OSError:
            return False
    return said.endswith(b"+PONG\r\n")


def runs(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has taken note of does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):  # without /proc an ended process counts until it is reaped
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return True


class EmbeddedServer:
    """A server process on a data folder, owned by one process at a time.

    Parameters
    ----------
    data : path
        The folder that keeps the jobs; made with mode 700 where missing.
    settings : Settings
        ``max_memory_bytes`` and ``key_prefix`` are used.

    Notes
    -----
    The owner holds a lock on ``data/lock``, which the kernel releases when the owner dies, however
    it dies. A server that outlived its owner is ended, and another one started on the same data.
    There is no TCP port; the socket has mode 700, or lives in a short private folder when its path
    would be too long for one.
    """

    def __init__(self, data: str | os.PathLike[str], settings: Settings) -> None:
        self.data = Path(data).expanduser().absolute()
        self.settings = settings
        self.owned = False
        self.pid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._socket = self.data / "r.sock"

    def login(self, user: str = "admin") -> dict[str, Any]:
        """The settings with which a user of :mod:`oddline_workers.access` meets this server."""
        return {
            "redis_url": f"unix://{user}@{quote(str(self._socket))}?db=0",
            "redis_password_file": str(access.password_file(self.data, user)),
            # What the environment may say of another store's certificates is not about this one.
            **dict.fromkeys(("redis_ca_file", "redis_cert_file", "redis_key_file"), ""),
        }

    def start(self, *, attach: bool = True, patience: float = 60.0) -> EmbeddedServer:
        """Start the server, or attach to one that runs.

        Parameters
        ----------
        attach : bool
            Whether to use a server that another process owns; otherwise that is an error.
        patience : float
            Seconds to wait for its first answer (a long journal is read first).

        Raises
        ------
        LimitError
            The folder is in use and ``attach`` is false, cannot be used, or no answer came in time.
        """
        private.make_folder(self.data)
        deadline = time.monotonic() + 10
        role = "visitor" if attach else "up"
        while not (held := self._acquire(role)) and not runs(self._holder()) and time.monotonic() < deadline:
            time.sleep(0.01)  # the owner is dead and its folder is being tidied up
        if held:
            self.owned = True
            try:
                self.launch(patience)
            except BaseException:
                self.stop()
                raise
        elif attach:
            self._attach(patience)
        else:
            raise LimitError(
                f"{self.data} is in use by another oddline (process {self._holder()}). "
                "Stop that one, or choose another folder with --data",
                code="in_use",
                status=503,
            )
        return self

    def launch(self, patience: float = 60.0) -> None:
        """Start the process anew on a folder this object owns and wait for its answer."""
        self._socket = _socket_path(self.data)
        if (
            orphan := _listener(self._socket)
        ) is not None:  # its owner died, and it may be of an older release
            _end(orphan, lambda: runs(orphan))
        self._socket.unlink(missing_ok=True)
        self._spawn()
        deadline = time.monotonic() + patience
        while not self._answers():
            if not self.alive() or time.monotonic() > deadline:
                raise LimitError(
                    f"The embedded server did not start: {self.last_words()}",
                    code="server_failed",
                    status=503,
                )
            time.sleep(0.002)

    def _spawn(self) -> None:
        binary = find_server()
        config, log = self.data / "server.conf", self.data / "server.log"
        memory = self.settings.max_memory_bytes or default_memory()
        users = access.write(self.data, self.settings.key_prefix)
        places = {"socket": self._socket, "data": self.data, "users": users}
        quoted = {name: _quoted(path) for name, path in places.items()}
        private.write(config, CONFIG.format(**quoted, memory=memory))
        private.write(self.data / "address", str(self._socket))
        with open(log, "wb", opener=private.opener) as output:
            self._process = subprocess.Popen(  # noqa: S603 (a path of our own choice, no shell)
                [binary.path, str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                env=_environment(),
                umask=0o077,
                process_group=0,  # a Ctrl-C at the terminal is for the owner, who stops things in order
            )
        self.pid = self._process.pid

    def alive(self) -> bool:
        """Whether the process this object owns still runs."""
        return self._process is not None and self._process.poll() is None

    def interrupt(self) -> None:
        """Ask the process this object owns to end; :meth:`launch` starts another."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, grace: float = 5.0) -> None:
        """Stop an owned server in an orderly way, by force after ``grace`` seconds; leave a foreign one."""
        if not self.owned:
            return
        if self._process is not None:
            _end(self._process.pid, self.alive, grace)
            self._process.wait()
        if self._lock is not None:
            os.close(self._lock)
        self.owned, self.pid, self._process, self._lock = False, None, None, None

    def last_words(self) -> str:
        """The last lines that the server wrote to its log."""
        log = self.data / "server.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return " / ".join([line for line in text.splitlines() if line.strip()][-3:]) or "it said nothing"

    def __enter__(self) -> EmbeddedServer:
        return self if self.owned else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _acquire(self, role: str) -> bool:
        if self._lock is not None:
            return True
        handle = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {role}".encode(), 0)
        self._lock = handle
        return True

    def _holder(self) -> int:
        try:
            return int((self.data / "lock").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return os.getpid()  # it has just taken the lock and not yet said its name

    def _answers(self) -> bool:
        return ping(self._socket, access.password(self.data, "admin"))

    def _attach(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with suppress(OSError):
                self._socket = Path((self.data / "address").read_text())
            if self._answers():
                return
            time.sleep(0.01)
        raise LimitError(
            f"Process {self._holder()} holds {self.data}, but its server does not answer",
            code="server_failed",
            status=503,
        )


def supervisor(data: Path) -> int | None:
    """The process of the ``oddline up`` on this folder; None where there is none."""
    try:
        with open(data / "lock") as lock:
            pid, role = lock.read().split()
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        # A supervisor that was killed leaves its lock to its guardian for a moment.
        return int(pid) if role == "up" and runs(int(pid)) else None
    except (OSError, ValueError):
        pass
    return None


def _socket_path(data: Path) -> Path:
    """``data/r.sock``, or one in a private folder with a short name when that is too long for a socket."""
    if len(os.fsencode(data / "r.sock")) < SOCKET_LIMIT:
        return data / "r.sock"
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        folder = Path(base or "/nonexistent") / f"oddline-{os.getuid()}-{mark}"
        if (
            folder.parent.is_dir()
            and not folder.is_symlink()
            and len(os.fsencode(folder / "r.sock")) < SOCKET_LIMIT
        ):
            private.make_folder(folder)
            return folder / "r.sock"
    raise LimitError(f"No folder short enough for the socket of {data}", code="server_failed", status=503)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _listener(path: Path) -> int | None:
    """The process that listens on a socket, asked of the kernel so that a hung one is seen too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
            if sys.platform == "darwin":
                return int(struct.unpack("i", client.getsockopt(0, 0x002, 4))[0])  # LOCAL_PEERPID
            return int(struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
        except OSError:
            return None


def _environment() -> dict[str, str]:
    """What the server needs to know: nothing of ours, and no locale, as it may not know the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ODDLINE_")}
    return {**kept, "LC_ALL": "C"}


def _end(pid: int, alive: Callable[[], bool], grace: float = 5.0) -> None:
    """End a server in an orderly way, by force after ``grace`` seconds."""
    if not alive():
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    if alive():
        os.kill(pid, signal.SIGKILL)
