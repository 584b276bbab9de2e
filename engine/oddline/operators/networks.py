"""Small nets that reconstruct windows: the shapes of their weights, and what they compute.

A net is a frozen description; its weights are a plain dict of arrays beside it. torch is imported
when a net computes, never before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NETWORKS", "Convolutional", "Dense", "Network", "Recurrent", "Variational"]

Weights = Mapping[str, "Tensor"]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Network(ABC):
    """A net for windows of ``points`` values in each of ``channels`` columns."""

    channels: int
    points: int

    latent: ClassVar[int] = 16
    """Numbers that a window is squeezed into, at most."""
    draws: ClassVar[int] = 0
    """Random codes drawn for each window when it is judged."""

    @property
    def code(self) -> int:
        """Numbers that a window is squeezed into: fewer than it has, so that it cannot be copied."""
        return max(1, min(self.latent, self.channels * self.points // 4))

    @abstractmethod
    def shapes(self) -> Shapes:
        """The shape of each weight, outputs first; a name that ends in ``bias`` starts at 0."""

    @abstractmethod
    def rebuild(self, weights: Weights, windows: Tensor, noise: Tensor | None = None) -> Tensor:
        """The windows (b, channels, points) as the net sees them.

        ``noise`` (b, code) or (1, code), of unit variance, stirs the code of a net that draws.
        """

    def loss(self, weights: Weights, windows: Tensor, noise: Tensor) -> Tensor:
        """What training makes small, one for each window (b,); ``noise`` (b, code) stirs codes."""
        return ((self.rebuild(weights, windows) - windows) ** 2).sum(dim=(1, 2))


@dataclass(frozen=True)
class Dense(Network):
    """Two dense layers down to a narrow code and two back (Hawkins et al. 2002)."""

    hidden: ClassVar[int] = 64

    def shapes(self) -> Shapes:
        cells = self.channels * self.points
        return {
            **_layer("narrow", cells, self.hidden),
            **_layer("code", self.hidden, self.code),
            **_layer("widen", self.code, self.hidden),
            **_layer("out", self.hidden, cells),
        }

    def rebuild(self, weights: Weights, windows: Tensor, noise: Tensor | None = None) -> Tensor:
        inner = _dense(weights, "narrow", windows.flatten(1)).tanh()
        return self._back(weights, _dense(weights, "code", inner), windows)

    def _back(self, weights: Weights, code: Tensor, windows: Tensor) -> Tensor:
        inner = _dense(weights, "widen", code).tanh()
        return _dense(weights, "out", inner).view_as(windows)


@dataclass(frozen=True)
class Variational(Dense):
    """A dense net whose code is a Gaussian, kept near N(0, I) (Kingma & Welling 2014)."""

    draws: ClassVar[int] = 4

    def shapes(self) -> Shapes:
        return {**super().shapes(), **_layer("spread", self.hidden, self.code)}

    def _posterior(self, weights: Weights, windows: Tensor) -> tuple[Tensor, Tensor]:
        inner = _dense(weights, "narrow", windows.flatten(1)).tanh()
        return _dense(weights, "code", inner), _dense(weights, "spread", inner).clamp(-12.0, 6.0)

    def rebuild(self, weights: Weights, windows: Tensor, noise: Tensor | None = None) -> Tensor:
        mean, log_variance = self._posterior(weights, windows)
        code = mean if noise is None else mean + noise * (0.5 * log_variance).exp()
        return self._back(weights, code, windows)

    def loss(self, weights: Weights, windows: Tensor, noise: Tensor) -> Tensor:
        """Minus the evidence bound with β = 1: ‖x − x̂‖² + KL(N(μ, σ²)‖N(0, I))."""
        mean, log_variance = self._posterior(weights, windows)
        code = mean + noise * (0.5 * log_variance).exp()
        errors = ((self._back(weights, code, windows) - windows) ** 2).sum(dim=(1, 2))
        away = mean**2 + log_variance.exp() - 1.0 - log_variance
        return errors + 0.5 * away.sum(dim=1)


@dataclass(frozen=True)
class Convolutional(Network):
    """Two strided convolutions down to a code a few rows wide, two transposed ones back.

    Each filter sees two strides of rows. Written as dense layers on overlapping pieces: for nets
    so small that takes half the time of the general convolution.
    """

    stride: ClassVar[int] = 4
    filters: ClassVar[int] = 16

    @property
    def deep(self) -> int:
        """Filters of the innermost layer: the code has so many numbers every 16 rows."""
        return min(2 * self.channels, self.filters // 2)

    @property
    def code(self) -> int:
        return self.deep * -(-self.points // self.stride**2)

    def shapes(self) -> Shapes:
        width = 2 * self.stride
        return {
            **_layer("narrow", self.channels * width, self.filters),
            **_layer("code", self.filters * width, self.deep),
            **_layer("widen", self.deep, self.filters * width),
            **_layer("out", self.filters, self.channels * width),
        }

    def rebuild(self, weights: Weights, windows: Tensor, noise: Tensor | None = None) -> Tensor:
        from torch.nn import functional

        # Repeat the last row up to where the strides divide the window.
        short = -self.points % self.stride**2
        x = functional.pad(windows, (0, short), mode="replicate").transpose(1, 2)
        code = self._shrink(weights, "code", self._shrink(weights, "narrow", x).tanh())
        y = self._stretch(weights, "out", self._stretch(weights, "widen", code).tanh())
        return y.transpose(1, 2)[:, :, : self.points]

    def _shrink(self, weights: Weights, name: str, x: Tensor) -> Tensor:
        """A convolution: (b, rows, inputs) to (b, rows / stride, outputs)."""
        from torch.nn import functional

        edge = self.stride // 2
        pieces = functional.pad(x, (0, 0, edge, edge)).unfold(1, 2 * self.stride, self.stride)
        return _dense(weights, name, pieces.flatten(2))

    def _stretch(self, weights: Weights, name: str, x: Tensor) -> Tensor:
        """A transposed convolution: (b, rows, inputs) to (b, rows·stride, outputs)."""
        from torch.nn import functional

        pieces = _dense(weights, name, x).unflatten(2, (2, self.stride, -1))
        before = functional.pad(pieces[:, :, 0], (0, 0, 0, 0, 0, 1))
        after = functional.pad(pieces[:, :, 1], (0, 0, 0, 0, 1, 0))
        edge = self.stride // 2
        return (before + after).flatten(1, 2)[:, edge:-edge]


@dataclass(frozen=True)
class Recurrent(Network):
    """An LSTM reads the window, another writes it back from its last row to its first.

    Several rows are read at a time, so that no window needs more than 8 steps.
    """

    hidden: ClassVar[int] = 32
    most: ClassVar[int] = 8

    @property
    def rows(self) -> int:
        """Rows that are read in one step."""
        return -(-self.points // self.most)

    def shapes(self) -> Shapes:
        wide = self.rows * self.channels
        return {
            **_cell("read", wide, self.hidden),
            **_layer("code", self.hidden, self.code),
            **_layer("widen", self.code, self.hidden),
            **_cell("write", self.code, self.hidden),
            **_layer("out", self.hidden, wide),
        }

    def rebuild(self, weights: Weights, windows: Tensor, noise: Tensor | None = None) -> Tensor:
        import torch
        from torch.nn import functional

        count, steps = len(windows), -(-self.points // self.rows)
        x = functional.pad(windows, (steps * self.rows - self.points, 0), mode="replicate")
        x = x.reshape(count, self.channels, steps, self.rows).permute(2, 0, 1, 3).flatten(2)
        zero = x.new_zeros(1, count, self.hidden)
        last = _recur(weights, "read", x, (zero, zero))[1]
        code = _dense(weights, "code", last[0])
        start = _dense(weights, "widen", code).tanh()[None]
        y = _recur(weights, "write", code.expand(steps, -1, -1), (start, zero))[0]
        y = _dense(weights, "out", y).flip(0)
        y = y.view(steps, count, self.channels, self.rows).permute(1, 2, 0, 3).flatten(2)
        return torch.narrow(y, 2, steps * self.rows - self.points, self.points)


NETWORKS: Mapping[str, type[Network]] = {
    "DNN_AutoEncoder": Dense,
    "Seq2seq_AutoEncoder": Recurrent,
    "CNN_AutoEncoder": Convolutional,
    "DNN_VariationalAutoEncoder": Variational,
}
"""The net of each estimator of ReconstructAD."""


def _layer(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _cell(name: str, inputs: int, hidden: int) -> Shapes:
    """Four gates each; torch wants two biases."""
    return {
        f"{name}.weight": (4 * hidden, inputs),
        f"{name}.memory": (4 * hidden, hidden),
        f"{name}.bias": (4 * hidden,),
        f"{name}.memory_bias": (4 * hidden,),
    }


def _dense(weights: Weights, name: str, x: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _recur(weights: Weights, name: str, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """All outputs (steps, b, hidden) of an LSTM, and the last (1, b, hidden)."""
    import torch

    parts = [weights[f"{name}.{part}"] for part in ("weight", "memory", "bias", "memory_bias")]
    every, last, _ = torch.lstm(x, state, parts, True, 1, 0.0, False, False, False)
    return every, last
