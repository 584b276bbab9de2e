"""ReconstructAD: a net learns to rebuild windows, and a row is odd where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from oddline.operators.autoencoders import device, rebuild_errors, train
from oddline.operators.neighbors import pick_references
from oddline.operators.networks import NETWORKS, Convolutional, Dense, Network, Recurrent, Variational
from oddline.operators.windows import spread
from oddline.pipelines.detectors import Detector
from oddline.pipelines.windowed import WindowedPipeline
from oddline.progress import Progress, silent

__all__ = ["AUTOENCODERS", "ReconstructAD"]

Floats = NDArray[np.float64]

_SAMPLE = 4_000  # windows that a net is trained on


class Autoencoder(Detector):
    """Windows that a net, trained on a sample of them, rebuilds badly."""

    network: ClassVar[type[Network]]

    def fit(self, view: NDArray[np.float64]) -> None:
        """Train on windows spread over the series."""
        rng = np.random.default_rng(self.seed)
        self._net = self.network(view.shape[1], view.shape[2])
        sample = view[pick_references(len(view), _SAMPLE, rng)]
        self._weights = train(self._net, sample, self.seed)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return self.parts(windows, self._net.channels, places).mean(axis=1)

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        return self.errors(windows.reshape(len(windows), channels, -1))

    def errors(self, view: NDArray[np.float64], progress: Progress = silent) -> Floats:
        """The mean squared error of each channel (m, channels) of windows (m, channels, points)."""
        return rebuild_errors(self._net, self._weights, view, self.seed, progress)

    def __str__(self) -> str:
        name = next(name for name, kind in NETWORKS.items() if kind is self.network)
        return f"{name}(latent_dim={self._net.code},random_state={self.seed})"


class DenseAutoencoder(Autoencoder):
    """DNN_AutoEncoder."""

    network = Dense


class RecurrentAutoencoder(Autoencoder):
    """Seq2seq_AutoEncoder."""

    network = Recurrent


class ConvolutionalAutoencoder(Autoencoder):
    """CNN_AutoEncoder."""

    network = Convolutional


class VariationalAutoencoder(Autoencoder):
    """DNN_VariationalAutoEncoder."""

    network = Variational


AUTOENCODERS: Mapping[str, type[Detector]] = {
    "DNN_AutoEncoder": DenseAutoencoder,
    "Seq2seq_AutoEncoder": RecurrentAutoencoder,
    "CNN_AutoEncoder": ConvolutionalAutoencoder,
    "DNN_VariationalAutoEncoder": VariationalAutoencoder,
}
"""The code of each estimator of ReconstructAD in :data:`oddline.catalog.ALGORITHMS`."""


class ReconstructAD(WindowedPipeline):
    """A small net learns to rebuild windows through a narrow code; what it rebuilds badly is odd.

    The columns are brought to one scale and cut into windows of ``lookback`` rows. The score of a
    window is ‖w − ŵ‖²/(L·d), that of a row the mean over all windows that cover it.

    Finds windows that do not follow the few patterns most windows share, above all large ones.
    Misses odd windows that are small beside the usual error.

    Parameters
    ----------
    estimator : {"DNN_AutoEncoder", "Seq2seq_AutoEncoder", "CNN_AutoEncoder", \
"DNN_VariationalAutoEncoder"}, default "DNN_AutoEncoder"
        The net: dense (Hawkins et al. 2002; Sakurada & Yairi 2014), an LSTM that writes windows
        back in reverse (Malhotra et al. 2016), strided convolutions, or a dense one with a random
        code (Kingma & Welling 2014; An & Cho 2015), judged by four draws of it.
    lookback : int or "auto", default "auto"
    causal : bool, default False
        Score each row by the window that ends at it.
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0

    Raises
    ------
    ModelError
        torch is not installed (``pip install 'oddline[deep]'``).

    Notes
    -----
    Trained on at most 4,000 windows and 400 steps, whatever the length; scoring is linear in rows.
    On a GPU where torch finds one. Scores are the same for any number of threads and any cut into
    blocks; on another kind of processor they differ by rounding.

    References
    ----------
    Hawkins, He, Williams & Baxter (2002), doi:10.1007/3-540-46145-0_17.
    Sakurada & Yairi (2014), doi:10.1145/2689746.2689747.
    Malhotra et al. (2016), arXiv:1607.00148.
    Kingma & Welling (2014), arXiv:1312.6114.
    An & Cho (2015), Variational autoencoder based anomaly detection using reconstruction probability.
    """

    _detectors: ClassVar[Mapping[str, type[Detector]]] = AUTOENCODERS
    _stationarize: ClassVar[bool] = False

    def __init__(
        self,
        *,
        estimator: str = "DNN_AutoEncoder",
        lookback: int | str = "auto",
        causal: bool = False,
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.lookback = lookback
        self.causal = causal
        self.contamination = contamination
        self.random_state = random_state

    def _make(self, kind: type[Detector]) -> Detector:
        return kind(self.lookback_, self.random_state)

    def _fit(self, values: Floats, progress: Progress) -> None:
        super()._fit(values, progress)
        if device() == "cpu":
            self.reasons_ += ("no GPU here: the net ran on the processor",)

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        # No window is its own neighbour here, so all can be judged in one go, on the device.
        view, padded = self._view.windows(self._ready(values))
        detector = cast(Autoencoder, self._view.detector)
        scores = detector.errors(view, progress).mean(axis=1)
        return scores if self.causal else spread(scores, self.lookback_)[padded:]
