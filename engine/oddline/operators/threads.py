"""One thread for linear algebra, so that a score does not depend on how many cores there are."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """While inside, BLAS sums in one order on one core; jobs run side by side, not on top of another.

    The products here are small and many: more threads wait for each other longer than they work.
    """
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit
