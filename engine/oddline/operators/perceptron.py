"""A perceptron with one hidden layer beside a straight line, in numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from oddline.operators.regressors import Regressor, Ridge

__all__ = ["Perceptron"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_BATCH = 128
_RATE = 3e-3
_LOOK_EVERY = 25  # steps between two looks at the held-out rows
_PATIENCE = 4
_MOST = 1e6  # widths that the net sees at most: keeps float32 finite


@dataclass(eq=False)
class Perceptron(Regressor):
    """What a ridge regression leaves over, learnt by one layer of hidden units.

    Parameters
    ----------
    hidden : int, default 32
    steps : int, default 300
        Batches of 128 rows at most; training stops when the last fifth of the rows, which is held
        out, gains no more.
    random_state : int, default 0

    Notes
    -----
    Rectified units, Adam (Kingma & Ba 2015, arXiv:1412.6980) on squared errors. The net that did best
    on the held-out rows stays, and no net where none beats the line. Weights are plain arrays.
    Cost O(steps·hidden·p), whatever the rows.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), doi:10.1038/323533a0.
    """

    hidden: int = 32
    steps: int = 300
    random_state: int = 0
    line_: Floats = field(init=False, repr=False)
    inner_: Singles = field(init=False, repr=False)
    bias_: Singles = field(init=False, repr=False)
    outer_: Singles = field(init=False, repr=False)
    most_rows: ClassVar[int] = 8_192

    def fit(self, features: Floats, targets: Floats) -> Self:
        rng = np.random.default_rng(self.random_state)
        wide = features.shape[1]
        learnt = max(1, len(features) - len(features) // 5)
        line = Ridge(1e-3).fit(features[:learnt], targets[:learnt])
        self.line_ = line.weights_
        data = np.clip(features, -_MOST, _MOST).astype(np.float32)
        left = (targets - line.predict(features)).astype(np.float32)
        unit = float(left.std()) or 1.0
        left /= np.float32(unit)
        flat = np.zeros(wide * self.hidden + 2 * self.hidden, dtype=np.float32)
        inner, bias, outer = self._split(flat, wide)
        inner[:] = rng.standard_normal(inner.shape, dtype=np.float32) * np.float32(np.sqrt(2.0 / wide))
        slope, first, second = np.zeros_like(flat), np.zeros_like(flat), np.zeros_like(flat)
        inner_slope, bias_slope, outer_slope = self._split(slope, wide)
        held, aim = data[learnt:], left[learnt:]
        best, least, waited = flat.copy(), self._loss(aim), 0
        for step in range(1, self.steps + 1):
            rows = rng.integers(0, learnt, _BATCH)
            batch = data[rows]
            active = np.maximum(batch @ inner + bias, 0)
            away = np.clip(active @ outer - left[rows], -10, 10) * np.float32(2 / _BATCH)
            back = np.outer(away, outer) * (active > 0)
            inner_slope[:], bias_slope[:], outer_slope[:] = batch.T @ back, back.sum(axis=0), active.T @ away
            first += 0.1 * (slope - first)
            second += 0.01 * (slope * slope - second)
            pace = _RATE / (1 - 0.9**step)
            flat -= pace * first / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
            if step % _LOOK_EVERY == 0:
                loss = self._loss(np.maximum(held @ inner + bias, 0) @ outer - aim)
                if loss < least:
                    best, least, waited = flat.copy(), loss, 0
                elif (waited := waited + 1) >= _PATIENCE:
                    break
        inner, bias, outer = self._split(best, wide)
        self.inner_, self.bias_, self.outer_ = inner.copy(), bias.copy(), outer * np.float32(unit)
        return self

    def predict(self, features: Floats) -> Floats:
        # In double precision the sums of a row do not depend on how many rows come with it.
        active = np.maximum(features @ self.inner_.astype(np.float64) + self.bias_, 0)
        return np.asarray(active @ self.outer_.astype(np.float64) + features @ self.line_)

    def _split(self, flat: Singles, wide: int) -> tuple[Singles, Singles, Singles]:
        """Views of the weights of the hidden layer, its biases and the weights of the output."""
        inner, bias, outer = np.split(flat, [wide * self.hidden, (wide + 1) * self.hidden])
        return inner.reshape(wide, self.hidden), bias, outer

    def _loss(self, away: Singles) -> float:
        """The mean square without the worst twentieth: what is odd shall not stop the training."""
        if not len(away):
            return -np.inf
        squares = np.sort(away * away)
        return float(squares[: max(1, int(0.95 * len(squares)))].mean())
