"""The picture: everything on it, quickly, without a display, and a plain word without matplotlib."""

import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from oddline.errors import ModelError
from oddline.plot import _thinned, plot
from oddline.result import Detection, Run, Scores


def detection(rows, columns=1, warm_up=30):
    rng = np.random.default_rng(0)
    score = rng.standard_normal(rows) ** 2
    score[rows // 2] = 60.0
    label = np.where(score > 50, -1, 1).astype(np.int8)
    middle = rows // 2
    return Detection(
        index=[f"t{i}" for i in range(rows)],
        values=np.where(rng.random((rows, columns)) < 0.01, np.nan, rng.standard_normal((rows, columns))),
        columns=tuple(f"c{i}" for i in range(columns)),
        score=score,
        threshold=np.full(rows, 50.0),
        severity=score / 50.0,
        label=label,
        judged=np.arange(rows) >= warm_up,
        anomalies=(Run(middle, middle, f"t{middle}", f"t{middle}", 1.2, middle),),
        lookback_window=30,
        model_summary="",
        num_pipelines_explored=1,
    )


def test_a_picture_is_written(tmp_path):
    path = tmp_path / "picture.png"
    figure = plot(detection(500, columns=3), path, windows=[(240, 260)], title="pumps")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) == 4
    assert [axis.get_ylabel() for axis in figure.axes] == ["c0", "c1", "c2", "score"]
    assert figure.get_suptitle() == "pumps"
    words = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert words == ["score", "threshold", "flagged", "labelled"]
    ticks = [text.get_text() for text in figure.axes[-1].get_xticklabels()]
    assert len(ticks) > 3
    assert all(tick == "" or tick[0] == "t" for tick in ticks)
    assert "matplotlib.pyplot" not in sys.modules


def test_a_detection_draws_itself(tmp_path):
    path = tmp_path / "picture.svg"
    figure = detection(500).plot(path, title="pumps")
    assert b"<svg" in path.read_bytes()
    assert figure.get_suptitle() == "pumps"


def test_many_columns_are_counted_not_drawn():
    figure = plot(detection(100, columns=12))
    assert len(figure.axes) == 9
    assert "4 more columns" in figure.get_suptitle()


def test_a_long_series_is_thinned_without_losing_its_peak(tmp_path):
    long = detection(100_000)
    rows, values = _thinned(long.score)
    assert len(rows) <= 4_100
    assert values.max() == 60.0
    assert (np.diff(rows) >= 0).all()
    since = time.process_time()
    plot(long, tmp_path / "long.png")
    assert time.process_time() - since < 10


def test_a_file_that_is_not_in_order_of_time_is_drawn_in_order_of_time():
    plain = detection(500)
    moved = np.random.default_rng(1).permutation(500)
    at = np.argsort(moved)
    shuffled = replace(
        plain,
        index=[plain.index[row] for row in moved],
        values=plain.values[moved],
        score=plain.score[moved],
        label=plain.label[moved],
        judged=plain.judged[moved],
        anomalies=tuple(
            replace(run, start_row=int(at[run.start_row]), end_row=int(at[run.end_row]))
            for run in plain.anomalies
        ),
        scores=Scores(plain.score, moved),
    )
    one, other = plot(plain, windows=[(240, 260)]), plot(shuffled, windows=[(at[240], at[260])])
    for before, after in zip(one.axes, other.axes, strict=True):
        for line, same in zip(before.lines, after.lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), same.get_ydata())
        boxes = [[patch.get_extents().bounds for patch in axis.patches] for axis in (before, after)]
        np.testing.assert_allclose(*boxes)
    ticks = [[text.get_text() for text in figure.axes[-1].get_xticklabels()] for figure in (one, other)]
    assert ticks[0] == ticks[1]


def test_thinning_keeps_short_series_and_survives_missing_values():
    rows, values = _thinned(np.arange(10.0))
    assert rows.tolist() == list(range(10))
    assert values.tolist() == list(range(10))
    rows, values = _thinned(np.full(50_000, np.nan))
    assert np.isnan(values).all()
    assert rows.max() < 50_000


def test_nothing_flagged_and_nothing_judged_can_be_drawn():
    quiet = detection(60, warm_up=60)
    plot(quiet)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModelError, match=r'pip install "oddline\[plot\]"'):
        plot(detection(50))
