"""Rows scored as they come, in blocks of any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddline.errors import DataError
from oddline.pipelines import Pipeline

__all__ = ["Stream"]

Floats = NDArray[np.float64]


class Stream:
    """Scores new rows block by block, and gives each row's score once it is final.

    A row's score is the mean over the windows that cover it, so it is final ``delay`` rows later
    and then equals, up to rounding, what one call with all rows gives. A causal pipeline has no
    delay.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted.
    past : ndarray (m, d), optional
        The rows just before the first that will come: its score then looks back at them. Without
        them the first rows are scored as the head of a series. They get no score themselves.

    Attributes
    ----------
    delay : int
        So many rows a score waits for.

    Notes
    -----
    Between calls at most ``pipeline.context_ + pipeline.delay_`` rows are kept.

    Examples
    --------
    >>> from oddline.pipelines import WindowAD
    >>> wave = np.sin(np.arange(400) / 5)[:, None]
    >>> stream = Stream(WindowAD(lookback=20).fit(wave[:300]))
    >>> len(stream.push(wave[300:350])), len(stream.push(wave[350:])), len(stream.finish())
    (31, 50, 19)
    """

    def __init__(self, pipeline: Pipeline, past: ArrayLike | None = None) -> None:
        self._pipeline = pipeline
        self._rows = np.empty((0, pipeline.n_features_in_))
        self._scored = 0  # so many rows at the head of those kept have got their score
        if past is not None:
            self._rows = self._checked(past)[-pipeline.context_ :] if pipeline.context_ else self._rows
            self._scored = len(self._rows)

    @property
    def delay(self) -> int:
        """So many rows a score waits for."""
        return self._pipeline.delay_

    def push(self, rows: ArrayLike) -> Floats:
        """Take the next rows, (b, d), or (b,) of one column; the scores that are final now.

        Raises
        ------
        DataError
            The rows have another number of columns, or values that are not finite.
        """
        self._rows = np.concatenate([self._rows, self._checked(rows)])
        return self._until(len(self._rows) - self.delay)

    def finish(self) -> Floats:
        """The scores of the last ``delay`` rows, as the end of the series; the stream begins anew."""
        scores = self._until(len(self._rows))
        self._rows, self._scored = self._rows[:0], 0
        return scores

    def _until(self, stop: int) -> Floats:
        if stop <= self._scored:
            return np.empty(0)
        scores = self._pipeline.anomaly_score(self._rows)[self._scored : stop]
        spent = max(0, stop - self._pipeline.context_)
        self._rows, self._scored = self._rows[spent:], stop - spent
        return scores

    def _checked(self, rows: ArrayLike) -> Floats:
        columns = self._pipeline.n_features_in_
        try:
            values = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.empty(())
        if values.ndim == 1 and columns == 1:
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != columns:
            raise DataError(f"rows of shape {np.shape(rows)}; expected numbers of shape (rows, {columns})")
        if not np.isfinite(values).all():
            raise DataError("a row holds a value that is missing or infinite; a stream repairs nothing")
        return values
