"""Stage 1, from what came to a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oddline.catalog import Spec
from oddline.inputs import as_source
from oddline.table import Table, read_table

__all__ = ["read"]


def read(source: Any, spec: Spec, **limits: int) -> Table:
    """The table that a checked spec means; ``limits`` and errors as in :func:`read_table`.

    ``source`` may also be a Series, an array or a list of numbers, or a table that was read before.
    """
    if isinstance(source, Table):
        return source
    source, columns = as_source(source)
    if columns is not None and spec.target_columns is None:
        spec = replace(spec, target_columns=tuple(name for name in columns if name != spec.time_column))
    return read_table(
        source,
        time_column=spec.time_column,
        time_format=spec.time_format,
        target_columns=spec.target_columns,
        repair=spec.repair,
        **limits,
    )
