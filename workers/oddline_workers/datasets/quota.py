"""What is allotted to a client: how many datasets, and how large. Standard library only."""

from __future__ import annotations

from collections.abc import Callable

from oddline.errors import LimitError
from oddline_workers.settings import Settings

__all__ = ["over_quota", "require_room"]


def over_quota(what: str, status: int) -> LimitError:
    """The error of who has as much as is allotted."""
    return LimitError(
        f"Quota exceeded: {what}. Delete some, or raise the limit.", code="over_quota", status=status
    )


def require_room(settings: Settings, before: int | None, size: int, count: Callable[[], int]) -> None:
    """Refuse another dataset, or more rows, beyond what is allotted; fewer rows are always possible.

    Parameters
    ----------
    settings : Settings
    before, size : int
        Bytes of the dataset until now, None where there is none yet, and then.
    count : callable
        How many datasets the client has.

    Raises
    ------
    LimitError
        ``over_quota``: 413, too large; 429, too many.
    """
    most = settings.max_dataset_bytes
    if size > most and size > (before or 0):
        raise over_quota(f"a dataset may take {most:,} bytes in the store", 413)
    most = settings.max_datasets
    if before is None and count() >= most:
        raise over_quota(f"{most:,} datasets are allotted", 429)
