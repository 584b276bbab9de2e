"""The nets, alone: shapes, learning, and that torch is left as it was found."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose, assert_array_equal

from oddline.errors import ModelError
from oddline.operators import autoencoders
from oddline.operators.autoencoders import rebuild_errors, train
from oddline.operators.networks import NETWORKS, Convolutional, Dense, Variational

torch = pytest.importorskip("torch")

each = pytest.mark.parametrize("kind", NETWORKS.values(), ids=NETWORKS)


def wave(rows=700, columns=2):
    rng = np.random.default_rng(0)
    t = np.arange(rows)[:, None]
    return np.sin(t * 2 * np.pi / 20 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 20


def cut(series, window):
    return sliding_window_view(series, window, axis=0)


@pytest.fixture
def short(monkeypatch):
    """Training that is over at once."""
    monkeypatch.setattr(autoencoders, "_STEPS", 5)


def random_weights(net):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in net.shapes().items()}


@each
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("points", [1, 2, 5, 16, 17, 60])
def test_a_window_comes_back_in_its_shape(kind, channels, points):
    net = kind(channels, points)
    weights = {name: torch.from_numpy(w) for name, w in random_weights(net).items()}
    windows = torch.zeros(4, channels, points)
    assert net.rebuild(weights, windows).shape == windows.shape
    assert net.loss(weights, windows, torch.zeros(4, net.code)).shape == (4,)
    assert 1 <= net.code <= max(2 * channels, channels * points // 4)


@each
def test_what_was_learnt_is_rebuilt_and_what_was_not_is_not(kind):
    view = cut(wave(), 24)
    net = kind(2, 24)
    weights = train(net, view, 0)
    errors = rebuild_errors(net, weights, view, 0)
    assert errors.shape == (len(view), 2)
    # A draw of the variational code leaves about one unit in all, over 48 values and 2 draws.
    assert np.median(errors) < (0.15 if kind is Variational else 0.05)
    odd = np.sign(view[:50])
    odd[:, 1] = view[:50, 1]
    found = rebuild_errors(net, weights, odd[:, ::-1].copy(), 0).mean(axis=1)
    assert np.median(found) > 4 * np.median(errors)


@each
@pytest.mark.usefixtures("short")
def test_a_seed_gives_the_same_weights_and_another_gives_others(kind):
    view = cut(wave(), 16)
    first, again, other = (train(kind(2, 16), view, seed) for seed in (0, 0, 1))
    for name, weight in first.items():
        assert weight.dtype == np.float32
        assert weight.flags.owndata
        assert_array_equal(weight, again[name])
    assert any((weight != other[name]).any() for name, weight in first.items())


@each
def test_an_error_does_not_depend_on_the_windows_beside(kind):
    view = cut(wave(3_000), 30)
    net = kind(2, 30)
    weights = random_weights(net)
    whole = rebuild_errors(net, weights, view, 3)
    for start, stop in ((0, 1), (5, 1_500), (1_023, 1_025), (2_000, len(view))):
        assert_array_equal(rebuild_errors(net, weights, view[start:stop], 3), whole[start:stop])
    copied = np.ascontiguousarray(view[::7])
    assert_array_equal(rebuild_errors(net, weights, copied, 3), whole[::7])


def test_the_error_is_the_mean_square_of_what_is_missing():
    net = Dense(2, 12)
    weights = random_weights(net)
    view = cut(wave(300), 12)
    flat = view.reshape(len(view), -1)

    def layer(name, x):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    seen = layer("out", np.tanh(layer("widen", layer("code", np.tanh(layer("narrow", flat))))))
    expected = ((seen - flat).reshape(len(view), 2, 12) ** 2).mean(axis=2)
    assert_allclose(rebuild_errors(net, weights, view, 0), expected, rtol=1e-4)


def test_draws_are_averaged_and_the_same_for_every_window():
    net = Variational(1, 12)
    weights = random_weights(net)
    same = np.repeat(wave(12, 1).T[None], 5, axis=0)
    errors = rebuild_errors(net, weights, same, 0)
    assert_array_equal(errors, errors[[0] * 5])
    assert (errors != rebuild_errors(net, weights, same, 1)).all()


def test_a_window_that_no_stride_divides_is_padded():
    net = Convolutional(1, 21)
    weights = random_weights(net)
    short = np.linspace(0, 1, 21)[None, None]
    long = np.concatenate([short, np.ones((1, 1, 11))], axis=2)
    net_32 = Convolutional(1, 32)
    tensors = {name: torch.from_numpy(w) for name, w in weights.items()}
    padded = net_32.rebuild(tensors, torch.from_numpy(long.astype(np.float32)))
    plain = net.rebuild(tensors, torch.from_numpy(short.astype(np.float32)))
    assert_allclose(plain, padded[:, :, :21], rtol=1e-5, atol=1e-6)


@each
@pytest.mark.parametrize("value", [1e300, -1e300, 5e-324, 0.0])
@pytest.mark.usefixtures("short")
def test_extreme_values_have_finite_errors(kind, value):
    view = cut(np.full((60, 1), value), 8)
    net = kind(1, 8)
    assert np.isfinite(rebuild_errors(net, train(net, view, 0), view, 0)).all()


@pytest.mark.usefixtures("short")
def test_torch_is_left_as_it_was():
    view = cut(wave(200), 16)
    expected = train(Variational(2, 16), view, 0)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    try:
        with torch.inference_mode():
            weights = train(Variational(2, 16), view, 0)
            rebuild_errors(Variational(2, 16), weights, view, 0)
        assert torch.get_num_threads() == 2
        assert torch.get_default_dtype() == torch.float64
        assert torch.is_grad_enabled()
        assert torch.backends.cudnn.enabled
        assert not torch.are_deterministic_algorithms_enabled()
        assert_array_equal(torch.get_rng_state(), state)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
    for name, weight in expected.items():
        assert_array_equal(weights[name], weight)


def test_without_torch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"pip install 'oddline\[deep\]'"):
        train(Dense(1, 4), cut(wave(50, 1), 4), 0)


def test_the_nets_are_described_without_torch():
    code = (
        "import sys; from oddline.operators.networks import NETWORKS; import oddline.operators.autoencoders;"
        "print([sum(map(len, kind(2, 50).shapes().values())) > 0 for kind in NETWORKS.values()],"
        " 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, True, True] False"
