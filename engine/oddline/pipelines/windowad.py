"""WindowAD: windows of the series as points, and a detector of odd points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from oddline.pipelines.detectors import DETECTORS, Detector
from oddline.pipelines.windowed import WindowedPipeline

__all__ = ["WindowAD"]


class WindowAD(WindowedPipeline):
    """Windows that lie apart from the others make their rows odd.

    The columns are brought to one scale, replaced by their steps where most of them keep a unit
    root (augmented Dickey–Fuller), and every window of ``lookback`` rows becomes a point. The score of a
    row is the mean over all windows that cover it.

    Finds odd shapes, levels and bursts of about the length of the look-back. Misses what recurs:
    an event that happens every tenth window is normal to it.

    Parameters
    ----------
    estimator : str, default "IsolationForest"
        All look along up to 48 principal axes of the windows, since cuts along single rows see no
        shape, and all but the forests in deviations along each.

        * ``"IsolationForest"``: 2^(−E[h]/c), in (0, 1), of 64 random trees (Liu, Ting & Zhou
          2008).
        * ``"NearestNeighbor"``: mean distance to the ``n_neighbors`` nearest of about 1,000
          reference windows, over the root of the number of axes (Ramaswamy, Rastogi & Shim 2000;
          Angiulli & Pizzuti 2002).
        * ``"SyntheticRandomForestTrainer"``: the probability that a window is made up, by 50 trees
          that part the seen from uniform draws (Breiman 2001; Shi & Horvath 2006). Windows that
          were learnt are judged by the trees that did not see them.
        * ``"MinCovDet"``: squared distance from the bulk of the windows by its robust scatter
          (Rousseeuw & Van Driessen 1999), which is blended with that of all windows; with few
          windows along fewer axes.
        * ``"AnomalyEnsembler"``: mean of the four scores, each over its deviation on learnt
          windows (Aggarwal & Sathe 2015).
    lookback : int or "auto", default "auto"
    n_neighbors : int, default 5
    causal : bool, default False
        Score each row by the window that ends at it.
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0

    Notes
    -----
    Time O(n·lookback·d) and linear in rows; windows longer than 128 rows are compared by 128
    averages. Memory: a few copies of the input and blocks of some megabytes. More than 12 columns
    are first reduced to their 12 principal channels.

    References
    ----------
    Liu, Ting & Zhou (2008), doi:10.1109/ICDM.2008.17.
    Ramaswamy, Rastogi & Shim (2000), doi:10.1145/342009.335437.
    Angiulli & Pizzuti (2002), doi:10.1007/3-540-45681-3_2.
    Breiman (2001), doi:10.1023/A:1010933404324.
    Shi & Horvath (2006), doi:10.1198/106186006X94072.
    Rousseeuw & Van Driessen (1999), doi:10.1080/00401706.1999.10485670.
    Aggarwal & Sathe (2015), doi:10.1145/2830544.2830549.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(600) / 5)[:, None]
    >>> x[300:306] = 0.0
    >>> int(WindowAD(estimator="NearestNeighbor").fit(x).anomaly_score(x).argmax()) in range(290, 316)
    True
    """

    _detectors: ClassVar[Mapping[str, type[Detector]]] = DETECTORS
    _whole_numbers: ClassVar[dict[str, bool]] = {"lookback": True, "n_neighbors": False}

    def __init__(
        self,
        *,
        estimator: str = "IsolationForest",
        lookback: int | str = "auto",
        n_neighbors: int = 5,
        causal: bool = False,
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.lookback = lookback
        self.n_neighbors = n_neighbors
        self.causal = causal
        self.contamination = contamination
        self.random_state = random_state

    def _make(self, kind: type[Detector]) -> Detector:
        return kind(self.lookback_, self.random_state, neighbors=self.n_neighbors)
