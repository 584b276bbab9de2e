"""What was learnt of a table whose rows have no order, to judge these and other rows with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import DataError, ParameterError
from oddline.operators.scatter import Scatter, fit_scatter
from oddline.operators.threads import one_thread
from oddline.progress import Progress, part, silent
from oddline.rows.distance import RowScatter
from oddline.rows.encoding import IMPUTATIONS, KINDS, Encoding, learn_encoding
from oddline.rows.forest import RowForest
from oddline.rows.reading import check_choices, read_columns

__all__ = ["RowModel", "fit_rows"]

Floats = NDArray[np.float64]

_SAMPLE_ROWS, _LEAST_SAMPLE, _SAMPLE_CELLS = 50_000, 2_000, 2_000_000
_BLOCK_ROWS, _BLOCK_CELLS = 65_536, 2_000_000


@dataclass(frozen=True, eq=False, repr=False)
class RowModel:
    """A detector of odd rows, and what the columns are to it.

    Made by :func:`fit_rows` or :func:`oddline.persist.load`.

    Attributes
    ----------
    columns : tuple of str, length d
        The columns it learnt from, in the order of ``kinds``.
    kinds : dict of str to str
        ``"number"`` or ``"category"``, for each column.
    encoding : Encoding
        What replaces missing values, units, and the frequent values of categories.
    detector : RowForest or RowScatter
        Fitted: a forest where the rows may hold anomalies, distances where they are clean.
    scatter : Scatter
        What :meth:`mahalanobis` measures with.
    rows : int
        How many rows it learnt from.
    training_scores : ndarray (rows,) or None
        What :meth:`score` gives for them; None in a model that was read from a file, which does not
        hold what grows with the table.
    """

    columns: tuple[str, ...]
    kinds: dict[str, str]
    encoding: Encoding
    detector: RowForest | RowScatter
    scatter: Scatter
    rows: int
    training_scores: Floats | None = None

    def __repr__(self) -> str:
        names = ", ".join(self.columns[:3]) + (", …" if len(self.columns) > 3 else "")
        return f"RowModel({type(self.detector).__name__}, learnt from {self.rows:,} rows of {names})"

    def score(self, columns: Mapping[str, Any], progress: Progress = silent) -> Floats:
        """How normal each row is, whatever rows there are beside it.

        Parameters
        ----------
        columns : mapping of str to array (n,)
            As for :func:`fit_rows`. A column of the model that is not there is taken as missing in
            all rows; one that it does not know is left out.
        progress : callable, optional

        Returns
        -------
        ndarray (n,)
            Between -1 and 1; a row at 0 or below is anomalous. Of a forest: the raw normality (-s) less the
            line, the 10th percentile of those learnt from.

        Raises
        ------
        DataError
            A column holds what its kind does not allow, or is of another length than the others.
        """
        detector = self.detector
        return detector.scores(self._each(columns, detector.oddness, progress)) - detector.offset_

    def mahalanobis(self, columns: Mapping[str, Any], progress: Progress = silent) -> Floats:
        """The squared Mahalanobis distance of each row from the bulk of those learnt from.

        Parameters
        ----------
        columns, progress
            As for :meth:`score`.

        Returns
        -------
        ndarray (n,)
            At least 0 and finite; larger is odder. Of normal rows about χ²(d), of mean d: its cube root is
            nearly normal and good to plot.

        Raises
        ------
        DataError
            As for :meth:`score`.
        """
        with one_thread():
            return self._each(columns, self.scatter.squares, progress)

    def _each(
        self, columns: Mapping[str, Any], measure: Callable[[Floats], Floats], progress: Progress
    ) -> Floats:
        """What a measure says of every row, block by block."""
        read, rows = read_columns(columns, self.kinds)
        return _measure(self.encoding, read, rows, measure, progress)


def fit_rows(
    columns: Mapping[str, Any],
    *,
    kinds: Mapping[str, str],
    imputation: Mapping[str, str] | None = None,
    contains_anomalies: bool = True,
    contamination: float = 0.1,
    random_state: int = 0,
    progress: Progress = silent,
) -> RowModel:
    """Learn what the rows of a table are like, in any order, and score them.

    Parameters
    ----------
    columns : mapping of str to array (n,)
        At least one row. Numbers with NaN, or texts with None, where a value is missing. Infinite and
        huge numbers are held at a bound far from all others.
    kinds : mapping of str to str
        ``"number"`` or ``"category"`` for every column to learn from, at least one.
    imputation : mapping of str to str, optional
        What replaces a missing value: ``"zeroes"``, ``"mean"``, ``"median"``, ``"mode"``, ``"min"`` or
        ``"max"`` of the column in these rows. Without one the mean, and the most frequent text. Texts have
        no mean or median: it is their most frequent, first or last one; a missing one under
        ``"zeroes"`` is the empty text.
    contains_anomalies : bool, default True
        Whether some rows are odd: an isolation forest of 100 trees (:class:`RowForest`) finds them.
        If not, the rows are the measure of what is normal (:class:`RowScatter`), and hardly any
        of them, or of others like them, is called anomalous.
    contamination : float in (0, 0.5], default 0.1
        The share of the rows that the forest calls anomalous.
    random_state : int, default 0
    progress : callable, optional

    Returns
    -------
    RowModel

    Raises
    ------
    DataError
        There is no row, or a column holds what its kind does not allow.
    ParameterError
        A kind, a way to fill in or a share is not known or out of range.

    Notes
    -----
    A category becomes an axis for each of its up to eight frequent values (at least two rows and one
    in 200) and one for all others, which values that were never seen share with rare ones. Units,
    trees and covariance are learnt from at most 50,000 rows drawn at random, fewer where columns are
    many; what replaces missing values, frequent texts and the line from all rows. Time is linear in
    rows and, up to 128 axes, quadratic in columns; beside the columns it takes 16 bytes a row and some
    blocks of 30 MB.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = {"pulse": rng.normal(70, 5, 300), "ward": np.array(["a", "b", "b"] * 100, dtype=object)}
    >>> table["pulse"][4], table["pulse"][9] = 140.0, np.nan
    >>> model = fit_rows(table, kinds={"pulse": "number", "ward": "category"})
    >>> int(model.training_scores.argmin()), int((model.training_scores <= 0).sum())
    (4, 30)
    >>> (model.score({"pulse": [70.0, 20.0], "ward": ["b", "z"]}) <= 0).tolist()
    [False, True]
    """
    kinds, imputation = dict(kinds), dict(imputation or {})
    if not kinds:
        raise ParameterError("kinds names no column; expected at least one to learn from.", parameter="kinds")
    check_choices(kinds, KINDS, columns, "kinds")
    check_choices(imputation, IMPUTATIONS, columns, "imputation")
    if not 0 < contamination <= 0.5:
        raise ParameterError(
            f"contamination={contamination!r}; expected a share above 0 and up to 0.5",
            parameter="contamination",
        )
    progress(0.0, "inspection")
    read, rows = read_columns(columns, kinds)
    if not rows:
        raise DataError("The table has no rows; expected at least one to learn from.", code="no_rows")
    rng = np.random.default_rng(random_state)
    places = _drawn(rng, rows, _SAMPLE_ROWS)
    encoding = learn_encoding(read, kinds, imputation, places, part(progress, 0.0, 0.2))
    most = max(_LEAST_SAMPLE, _SAMPLE_CELLS // encoding.size())
    places = places[_drawn(rng, len(places), most)]
    points = encoding.points(read, places, len(places))
    learning = part(progress, 0.2, 0.4)
    detector: RowForest | RowScatter
    if contains_anomalies:
        detector = RowForest(contamination=contamination, random_state=random_state)
        detector.learn(points, learning)
        learning(0.5, "learning")
        with one_thread():
            scatter = fit_scatter(points)
    else:
        detector = RowScatter(contamination=0.0, random_state=random_state)
        detector.learn(points, learning)
        scatter = detector.scatter_
    detector.n_features_in_ = encoding.size()
    del points
    oddness = _measure(encoding, read, rows, detector.oddness, part(progress, 0.4, 1.0))
    detector.draw_line(oddness)
    scores = detector.scores(oddness) - detector.offset_
    return RowModel(tuple(kinds), kinds, encoding, detector, scatter, rows, scores)


def _drawn(rng: np.random.Generator, count: int, most: int) -> NDArray[np.intp]:
    """Places of at most so many of ``count``, in order."""
    return np.arange(count) if count <= most else np.sort(rng.choice(count, most, replace=False))


def _measure(
    encoding: Encoding,
    columns: Mapping[str, NDArray[Any]],
    rows: int,
    measure: Callable[[Floats], Floats],
    progress: Progress,
) -> Floats:
    """What a measure says of every row, block by block."""
    measured = np.empty(rows)
    size = max(1, min(_BLOCK_ROWS, _BLOCK_CELLS // encoding.size()))
    for start in range(0, rows, size):
        progress(start / rows, "scores")
        block = slice(start, min(start + size, rows))
        measured[block] = measure(encoding.points(columns, block, block.stop - start))
    progress(1.0, "scores")
    return measured
