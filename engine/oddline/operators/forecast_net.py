"""A small convolutional net that forecasts, in torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from oddline.operators.autoencoders import train
from oddline.operators.networks import Network
from oddline.operators.regressors import Regressor

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ConvolutionalNet"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Ahead(Network):
    """Rebuilds the last value of a window from those before it, and leaves the others alone."""

    filters: ClassVar[int] = 16
    width: ClassVar[int] = 8

    @property
    def reach(self) -> int:
        return min(self.width, self.points - 1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        places = self.points - self.reach
        return {
            "line.weight": (1, self.points - 1),
            "look.weight": (self.filters, 1, self.reach),
            "look.bias": (self.filters,),
            "out.weight": (1, self.filters * places),
            "out.bias": (1,),
        }

    def rebuild(self, weights: Mapping[str, Tensor], windows: Tensor, noise: Tensor | None = None) -> Tensor:
        import torch
        from torch.nn import functional

        past = windows[:, :, :-1]
        seen = functional.conv1d(past, weights["look.weight"], weights["look.bias"]).relu()
        ahead = functional.linear(seen.flatten(1), weights["out.weight"], weights["out.bias"])
        ahead = ahead + functional.linear(past.flatten(1), weights["line.weight"])
        return torch.cat([past, ahead[:, None]], dim=2)


@dataclass(eq=False)
class ConvolutionalNet(Regressor):
    """A convolution over the window, rectified, and a dense layer beside a straight line.

    Parameters
    ----------
    random_state : int, default 0

    Raises
    ------
    ModelError
        On fitting, where torch is not installed.

    Notes
    -----
    An operator to use alone or in a forecaster of one's own; no pipeline takes it. Trained as the
    autoencoders are, see :func:`oddline.operators.autoencoders.train` for steps and stopping.
    Forecasts are matrix products in numpy, so a fitted net needs no torch. The weights are plain arrays.

    References
    ----------
    Munir, Siddiqui, Dengel & Ahmed (2019), DeepAnT, doi:10.1109/ACCESS.2018.2886457.
    """

    random_state: int = 0
    weights_: dict[str, NDArray[np.float32]] = field(init=False, repr=False)

    def fit(self, features: Floats, targets: Floats) -> Self:
        windows = np.concatenate([features, targets[:, None]], axis=1)[:, None]
        self.weights_ = train(_Ahead(1, windows.shape[2]), windows, self.random_state)
        return self

    def predict(self, features: Floats) -> Floats:
        weights = {name: weight.astype(np.float64) for name, weight in self.weights_.items()}
        look = weights["look.weight"][:, 0]
        patches = np.lib.stride_tricks.sliding_window_view(features, look.shape[1], axis=1)
        seen = np.maximum(patches @ look.T + weights["look.bias"], 0.0)  # (m, places, filters)
        dense = weights["out.weight"].reshape(len(look), -1).T
        ahead = np.einsum("mpf,pf->m", seen, dense) + weights["out.bias"][0]
        return np.asarray(ahead + features @ weights["line.weight"][0])
