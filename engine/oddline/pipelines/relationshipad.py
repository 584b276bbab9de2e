"""RelationshipAD: what columns have to do with each other, and where it no longer holds."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ParameterError, did_you_mean
from oddline.operators.relations import RELATIONS, Relation
from oddline.operators.scaling import Scale, fit_scale
from oddline.operators.windows import around, blocks, pad_head, spread
from oddline.pipelines.base import Pipeline
from oddline.progress import Progress

__all__ = ["RELATIONS", "RelationshipAD"]

Floats = NDArray[np.float64]

_CLIP = 4.0  # standard deviations: a spike shall break relations, not rule every sum of squares
_LEVELS = ("window", "record", "column")
_BLOCK_CELLS = 2**20
_WIDTH = 136  # numbers a row needs at least: the products of 16 axes


class RelationshipAD(Pipeline):
    """Rows in which the columns do not go together as they used to are odd.

    The columns are brought to variance 1 and held within four standard deviations. A relation
    between them is learnt, and every window of ``lookback`` rows is judged by how far it is from
    that. The score of a row is the mean over all windows that cover it.

    Finds columns that part from those they usually follow, and whole groups that move as never
    before. Misses events inside one column that keep its usual range and its links.

    Parameters
    ----------
    estimator : {"Covariance", "GMM_L0", "GMM_L1", "MachineTranslation"}, default "Covariance"
        Covariance: the Frobenius distance of the window's covariance from the shrunk one of all
        rows, in units of the latter, along its 16 strongest axes; and the distance of its mean.
        GMM_L1: a Gaussian graphical model by the graphical lasso (Friedman, Hastie & Tibshirani
        2008); −ln p of each column given the others (Idé et al. 2009), above its least, averaged.
        GMM_L0: the same on the pairs whose partial correlation stands out, with the likeliest
        matrix of that pattern (Phan et al. 2017).
        MachineTranslation: each column predicted from the others; the mean squared error, where
        a column counts by how well it could be predicted, from a half to 1.
    lookback : int or "auto", default "auto"
        Rows of a window.
    level : {"window", "record", "column"}, default "window"
        Judge windows by all columns, each row alone by all columns, or windows by their oddest
        column: the largest of its columns' parts stands for the whole window.
    causal : bool, default False
        Score each row by the window that ends at it.
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0
        Unused: nothing here is random.

    Raises
    ------
    ParameterError
        There is one column only.

    Notes
    -----
    Covariances are shrunk by a tenth: without it the tightest links of noisy columns rule; with much
    more a broken link is not seen, only large values. Time O(n·d·min(d, 64)) and O(d·64²) to learn:
    more than 64 columns are divided into groups that move together. Covariance takes
    O(n·(16·d + 136)) for any d. Linear in rows; memory is a copy of the input and blocks of some
    megabytes.

    References
    ----------
    Friedman, Hastie & Tibshirani (2008), doi:10.1093/biostatistics/kxm045.
    Idé, Lozano, Abe & Liu (2009), doi:10.1137/1.9781611972795.9.
    Phan, Idé, Kalagnanam, Menickelly & Scheinberg (2017), arXiv:1612.01480.
    Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(600) / 5)[:, None] * [1.0, -2.0, 3.0]
    >>> x[300:310, 1] *= -1.0
    >>> int(RelationshipAD(lookback=10).fit(x).anomaly_score(x).argmax()) in range(295, 315)
    True
    """

    _whole_numbers: ClassVar[dict[str, bool]] = {"lookback": True}

    def __init__(
        self,
        *,
        estimator: str = "Covariance",
        lookback: int | str = "auto",
        level: str = "window",
        causal: bool = False,
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.lookback = lookback
        self.level = level
        self.causal = causal
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, values: Floats, progress: Progress) -> None:
        for name, value, known in (
            ("estimator", self.estimator, RELATIONS),
            ("level", self.level, _LEVELS),
        ):
            if value not in known:
                raise ParameterError(
                    f"{name}={value!r}; RelationshipAD takes {', '.join(known)}."
                    + did_you_mean(str(value), known),
                    parameter=name,
                )
        columns = values.shape[1]
        if columns < 2:
            raise ParameterError(
                "RelationshipAD needs at least 2 target columns, got 1", parameter="target_columns"
            )
        if self.level == "record":
            if self.lookback_ > 1:
                self.reasons_ += (f"each row is judged alone, not in windows of {self.lookback_} rows",)
            self.lookback_ = 1
        if self.level == "column":
            self.reasons_ += ("each window is judged by its oddest column",)
        window = self.lookback_
        self.warm_up_ = self.overlap_ = self.context_ = window - 1
        self.delay_ = 0 if self.causal else window - 1
        self.num_pipelines_explored_ = 1
        self._scale: Scale = fit_scale(values)
        self._mean = np.zeros(columns)
        away = self._away(values)
        self._mean = away.mean(axis=0)
        away -= self._mean
        self._relation: Relation = RELATIONS[self.estimator]().fit(away)
        self.reasons_ += (self._relation.describe(),)
        numbers = ",".join(str(c + 1) for c in range(columns))
        self.model_summary_ = (
            f"[('StandardScaler',StandardScaler(clip={_CLIP:g})),"
            f"('Window',Window(feature_columns=[{numbers}],lookback_win={window})),"
            f"('{self.estimator}',{self._relation}),]"
        )
        progress(1.0, "fit")

    def _away(self, values: Floats) -> Floats:
        away = self._scale.apply(values)
        np.clip(away, -_CLIP, _CLIP, out=away)
        away -= self._mean
        return away

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        window = self.lookback_
        padded = pad_head(values, self._rows(len(values)))
        count = len(padded) - window + 1
        scores = np.empty(count)
        most = max(_BLOCK_CELLS // max(values.shape[1], _WIDTH), window)
        for start in range(0, count, most):
            stop = min(start + most, count)
            away = self._away(padded[start : stop + window - 1])
            if self.level == "column":
                scores[start:stop] = self._relation.parts(away, window).max(axis=1)
            else:
                scores[start:stop] = self._relation.scores(away, window)
            progress(stop / count, "score")
        return scores if self.causal else spread(scores, window)[len(padded) - len(values) :]

    def _rows(self, count: int) -> int:
        """How many rows are needed for the windows of ``count`` rows."""
        return count + self.lookback_ - 1 if self.causal else max(count, self.lookback_)

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        padded = pad_head(values, self._rows(len(values)))
        wanted = rows + (len(padded) - len(values))
        parts = np.empty((len(rows), values.shape[1]))
        for piece in blocks(len(rows), 8 * max(values.shape[1], _WIDTH)):
            parts[piece] = self._around(padded, wanted[piece])
            progress(piece.stop / len(rows), "score")
        return parts

    def _around(self, padded: Floats, rows: NDArray[np.intp]) -> Floats:
        window = self.lookback_
        near = around(rows, window - 1, self.delay_, len(padded))
        # Stretches of rows stand side by side; no window of a wanted row leaves its own.
        parts = self._relation.parts(self._away(padded[near]), window)
        at = np.searchsorted(near, rows)
        return parts[at - window + 1] if self.causal else spread(parts, window)[at]
