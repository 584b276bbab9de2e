"""Files and folders of mode 600 and 700: what they hold is for the user who runs the service alone."""

from __future__ import annotations

import os
from pathlib import Path

from oddline.errors import LimitError

__all__ = ["make_folder", "opener", "write"]


def make_folder(folder: Path) -> None:
    """The folder, ours and closed to others; an existing one of somebody else's is refused.

    Raises
    ------
    LimitError
        It cannot be made, belongs to another user, or is open to others and holds other things.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
        if facts.st_uid != os.getuid():
            raise PermissionError(f"it belongs to user {facts.st_uid}")
        if facts.st_mode & 0o077:
            if any(folder.iterdir()) and not (folder / "lock").exists():
                raise PermissionError("it is open to other users and holds other things")
            folder.chmod(0o700)
    except OSError as error:
        raise LimitError(
            f"Cannot use the folder {folder}: {error.strerror or error}. Choose another with --data",
            code="bad_folder",
            status=503,
        ) from error


def opener(path: str, flags: int) -> int:
    """For ``open(..., opener=opener)``: a file that is made is made with mode 600."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def write(path: Path, text: str) -> None:
    """The file with this text, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(fresh, "w", opener=opener) as file:
        file.write(text)
    fresh.replace(path)
