"""A detection fits on one line, and in a notebook in one small table."""

from dataclasses import replace

import numpy as np
import pandas as pd

from engine.frames import frame, series
from oddline import detect


def test_a_detection_is_one_line_of_text():
    values = series(1_200)
    values[600:602] += 9.0
    found = detect(
        pd.DataFrame(values, columns=["load"]),
        algorithm_type="WindowAD",
        anomaly_estimator="NearestNeighbor",
        lookback_window=12,
        labeling_threshold=20,
    )
    flagged = int((found.label < 0).sum())
    assert flagged > 0
    assert len(found.anomalies) == 1
    line = f"Detection(1,200 rows, {flagged} flagged in 1 run, WindowAD NearestNeighbor, look-back 12)"
    assert repr(found) == str(found) == line
    several = replace(found, anomalies=found.anomalies * 2)
    assert "in 2 runs" in repr(several)
    calm = replace(found, label=np.ones(1_200, dtype=np.int8), anomalies=())
    assert repr(calm) == "Detection(1,200 rows, none flagged, WindowAD NearestNeighbor, look-back 12)"


def test_a_notebook_shows_a_small_table_and_no_markup_of_the_file():
    data = frame(400, columns=2).rename(columns={"v0": "<b>hot</b>"})
    data.loc[200, "<b>hot</b>"] += 9.0
    found = detect(data, algorithm_type="PredAD", labeling_method="Chi-Square")
    (run, *_) = found.anomalies
    run = replace(run, start="<script>")
    shown = replace(found, anomalies=(run,) * 30)._repr_html_()
    assert shown.count("<tr>") == 21
    assert "and 10 more" in shown
    assert "&lt;script&gt;" in shown
    assert "&lt;b&gt;hot&lt;/b&gt;" in shown
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "<table>" not in replace(found, anomalies=())._repr_html_()
