"""What a detection takes of the memory, by the size of its table: for refusing in time what would not fit."""

from __future__ import annotations

__all__ = ["memory_of"]

FIXED = {"ReconstructAD": 150_000_000, "rows": 20_000_000}
USUAL_FIXED = 30_000_000
"""Bytes that the smallest table takes; the first nets in a process take torch's too."""

ROW = {"DeepAD": 350, "PredAD": 330, "rows": 32}
USUAL_ROW = 220
"""Bytes a row: its time, its scores and labels, and the text of the answer."""

COLUMN = {"auto": 2_200_000, "rows": 30_000}
USUAL_COLUMN = 100_000
"""Bytes a column: what is learnt of a sample of the windows, however many rows there are."""

CELL = {"auto": 43, "DeepAD": 27, "PredAD": 25, "rows": 8}
USUAL_CELL = 35
"""Bytes a cell: its text as it came, and its number in the copies that are there at a time."""


def memory_of(algorithm: str, rows: int, columns: int) -> int:
    """Bytes that a worker takes at the peak of a detection, from the upload to the answer.

    Measured, see ``bench/memory.py``: windows are made in blocks, so that the look-back has no part in it.
    Within a third of what was seen, mostly above it, from 5,000 rows of 1,000 columns to a million of 20.

    Parameters
    ----------
    algorithm : str
        As the catalogue writes it, or ``"rows"``: a model of rows (:mod:`oddline.rows`), from columns of
        numbers to scores and distances, see ``bench/rows.py``. Texts take more.
    rows, columns : int
        Of the table, target columns alone.

    Examples
    --------
    >>> memory_of("auto", 1_000_000, 1) / 1e6
    295.2
    """
    row, cell = ROW.get(algorithm, USUAL_ROW), CELL.get(algorithm, USUAL_CELL)
    column = COLUMN.get(algorithm, USUAL_COLUMN)
    fixed = FIXED.get(algorithm, USUAL_FIXED)
    return fixed + rows * row + columns * column + rows * columns * cell
