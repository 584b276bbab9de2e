"""A module of calls that is there, but imports what is not."""

import of_another  # type: ignore[import-not-found]  # noqa: F401
