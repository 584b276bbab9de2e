"""Nets that learn to rebuild windows: what they cannot rebuild is odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ModelError
from oddline.operators.networks import Network
from oddline.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["device", "rebuild_errors", "train"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_STEPS = 400
_BATCH = 64
_RATE = 3e-3
_LOOK_EVERY = 50  # steps between two looks at the held-out block
_PATIENCE = 3  # looks without gain, after which training stops
_ROWS = {"cpu": 1_024, "cuda": 16_384}
"""Windows are judged so many at a time, never fewer: the sums of one do not depend on how many come."""
_LID = 1e4  # standard deviations that a net sees at most: keeps squares of squares finite
_MOST = 1e15  # standard deviations: keeps squares finite in float32


def train(net: Network, windows: Floats, seed: int) -> dict[str, Singles]:
    """The weights of a net that has learnt to rebuild most of some windows.

    Parameters
    ----------
    net : Network
    windows : ndarray (m, channels, points)
        In time order; the last tenth is held out and tells when to stop.
    seed : int

    Returns
    -------
    dict of ndarray
        Of the step that rebuilt the held-out windows best, by their median error: what is odd
        among them shall not rule.

    Raises
    ------
    ModelError
        torch is not installed.

    Notes
    -----
    At most 400 steps of Adam (Kingma & Ba 2015, arXiv:1412.6980) over batches of 64 windows: the
    cost does not grow with m.
    """
    rng = np.random.default_rng(seed)
    start = {name: _start(name, shape, rng) for name, shape in net.shapes().items()}
    held = max(1, len(windows) // 10)
    learnt = max(1, len(windows) - held)
    order = rng.integers(0, learnt, (_STEPS, _BATCH))
    noise = rng.standard_normal((_STEPS, _BATCH, net.code), dtype=np.float32)
    with _alone() as torch, torch.enable_grad():
        where = device()
        values = torch.from_numpy(np.clip(windows, -_LID, _LID).astype(np.float32)).to(where)
        picks, stirs = torch.from_numpy(order).to(where), torch.from_numpy(noise).to(where)
        # One vector under all weights: a step of Adam is then six operations, not six for each.
        flat = torch.from_numpy(np.concatenate([w.ravel() for w in start.values()])).to(where)
        weights = _views(flat, net)
        slope = torch.zeros_like(flat)
        for weight, part in zip(weights.values(), _views(slope, net).values(), strict=True):
            weight.requires_grad_().grad = part
        first, second = torch.zeros_like(flat), torch.zeros_like(flat)
        best, least, waited = flat.detach().clone(), np.inf, 0
        for step in range(_STEPS):
            batch = values[picks[step]]
            slope.zero_()
            # The logarithm lets a window count the less the worse it fits: the odd ones shall not be learnt.
            net.loss(weights, batch, stirs[step]).log1p().mean().backward()
            with torch.no_grad():
                first.lerp_(slope, 0.1)
                second.lerp_(slope * slope, 0.005)
                pace = _RATE * _pace(step / _STEPS)
                scale = (second / (1 - 0.995 ** (step + 1))).sqrt_().add_(1e-8)
                flat.addcdiv_(first, scale, value=-pace / (1 - 0.9 ** (step + 1)))
                if (step + 1) % _LOOK_EVERY == 0:
                    error = _errors(net, weights, values[-held:], None).mean(dim=1).median().item()
                    if error < least:
                        best, least, waited = flat.clone(), error, 0
                    elif (waited := waited + 1) >= _PATIENCE:
                        break
        return {name: part.cpu().numpy().copy() for name, part in _views(best, net).items()}


def rebuild_errors(
    net: Network,
    weights: Mapping[str, Singles],
    windows: Floats,
    seed: int,
    progress: Progress = silent,
) -> Floats:
    """How far windows lie from what the net makes of them.

    Parameters
    ----------
    net : Network
    weights : mapping
        From :func:`train`.
    windows : ndarray (m, channels, points)
        May be a view on a series: rows that windows share are then copied once, not once a window.
    seed : int
        Of the random codes of a net that draws; they are the same for every window.
    progress : callable, optional

    Returns
    -------
    ndarray (m, channels)
        The mean squared error of each channel.
    """
    with _alone() as torch, torch.inference_mode():
        where = device()
        tensors = {name: torch.from_numpy(weight).to(where) for name, weight in weights.items()}
        drawn = np.random.default_rng(seed).standard_normal((net.draws, 1, net.code), dtype=np.float32)
        noise = torch.from_numpy(drawn).to(where) if net.draws else None
        carried = _carry(torch, windows, where)
        rows = _ROWS[where]
        # All stays on the device until the end: nothing in the loop waits for it.
        errors = torch.empty((len(windows), net.channels), dtype=torch.float32, device=where)
        for start in range(0, len(windows), rows):
            batch = carried[start : start + rows]
            count = len(batch)
            if count < rows:
                batch = torch.cat([batch, batch[-1:].expand(rows - count, -1, -1)])
            errors[start : start + count] = _errors(net, tensors, batch.contiguous(), noise)[:count]
            progress((start + count) / len(windows), "score")
        return np.asarray(errors.cpu().numpy(), dtype=np.float64)


def _carry(torch: Any, windows: Floats, where: str) -> Tensor:
    """Windows as a tensor on the device, with the same strides: what they share is there once."""
    strides = [stride // windows.itemsize for stride in windows.strides]
    reach = 1 + sum((size - 1) * stride for size, stride in zip(windows.shape, strides, strict=True))
    memory = np.lib.stride_tricks.as_strided(windows, (reach,), (windows.itemsize,), writeable=False)
    single = np.clip(memory, -_MOST, _MOST).astype(np.float32)
    return torch.from_numpy(single).to(where).as_strided(windows.shape, strides)


def device() -> str:
    """Where nets compute: ``"cuda"`` where there is one, else ``"cpu"``."""
    return "cuda" if _torch().cuda.is_available() else "cpu"


def _errors(net: Network, weights: Mapping[str, Tensor], windows: Tensor, noise: Tensor | None) -> Tensor:
    """Mean squared errors (b, channels), over all draws."""
    seen = windows.clamp(-_LID, _LID)
    if noise is None:
        return ((net.rebuild(weights, seen) - windows) ** 2).mean(dim=2)
    total = windows.new_zeros(windows.shape[:2])
    for draw in noise:
        total += ((net.rebuild(weights, seen, draw) - windows) ** 2).mean(dim=2)
    return total / len(noise)


def _pace(done: float) -> float:
    """One cycle: up over the first fifth, then down along a cosine to 0."""
    return done / 0.2 if done < 0.2 else float(0.5 + 0.5 * np.cos(np.pi * (done - 0.2) / 0.8))


def _start(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Singles:
    """Uniform weights that keep the variance of what they pass on."""
    if name.endswith("bias"):
        return np.zeros(shape, dtype=np.float32)
    bound = np.sqrt(3.0 / np.prod(shape[1:]))
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def _views(flat: Tensor, net: Network) -> dict[str, Tensor]:
    """The weights of a net inside one vector."""
    shapes = net.shapes()
    parts = flat.split([int(np.prod(shape)) for shape in shapes.values()])
    return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError:
        raise ModelError(
            "ReconstructAD needs PyTorch, which is not installed here: "
            "pip install 'oddline[deep]', or take another algorithm.",
            code="no_torch",
        ) from None
    return torch


@contextmanager
def _alone() -> Iterator[Any]:
    """torch on one thread and without shortcuts, so that sums come out the same; as before afterwards."""
    torch = _torch()
    threads = torch.get_num_threads()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, threads)
        torch.set_num_threads(1)
        stack.enter_context(torch.inference_mode(False))
        # cuDNN may choose another order of sums each time, and warns of weights that are views.
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield torch
