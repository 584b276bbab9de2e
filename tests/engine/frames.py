"""Small series to detect in."""

import numpy as np
import pandas as pd


def series(rows=240, seed=0, columns=1):
    rng = np.random.default_rng(seed)
    wave = np.sin(np.arange(rows) * 2 * np.pi / 12)[:, None]
    return wave + 0.1 * rng.standard_normal((rows, columns))


def frame(rows=240, seed=0, columns=1):
    stamps = pd.date_range("2024-01-01", periods=rows, freq="5min").strftime("%Y-%m-%d %H:%M:%S")
    values = series(rows, seed, columns)
    return pd.DataFrame({"time": stamps, **{f"v{i}": values[:, i] for i in range(columns)}})
