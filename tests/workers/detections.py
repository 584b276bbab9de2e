"""A small detection, made without an engine."""

import numpy as np

from oddline.result import Detection


def detection(n=3, **changes):
    fields = {
        "index": [str(i) for i in range(n)],
        "values": np.zeros((n, 1)),
        "columns": ("a",),
        "score": np.linspace(0.0, 1.0, n),
        "threshold": np.full(n, 0.75),
        "severity": np.linspace(0.0, 1.5, n),
        "label": np.where(np.arange(n) < n - 1, 1, -1).astype(np.int8),
        "judged": np.arange(n) >= 1,
        "anomalies": (),
        "lookback_window": 2,
        "model_summary": "[('Trial', Trial(a=1)),]",
        "num_pipelines_explored": 1,
        "seconds": {"fit": 0.25},
        "spec": {"labeling_method": "Chi-Square"},
    }
    return Detection(**(fields | changes))
