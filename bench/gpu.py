"""What a GPU is worth to ReconstructAD: a million rows on cuda against the processor of the same machine.

    python bench/gpu.py                 1,000,000 rows, every net; says why where there is no GPU
    python bench/gpu.py --rows 20000 --cpu

Each side runs in a process of its own: it learns, scores once to warm up and once more on the clock.
The share of the peak is the arithmetic of the nets (counted, not estimated) over what large float32
matrix products reach on the same device.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from races import series_of

WINDOW = 48
COUNTED = 16_384
"""Windows whose arithmetic is counted: whole blocks of the engine on either side."""


def main() -> None:
    """Measure and print, or be one of the processes measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cpu", action="store_true", help="the processor's side even without a GPU")
    parser.add_argument("--side", choices=["cpu", "cuda"], help=argparse.SUPPRESS)
    parser.add_argument("--net", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(measure(given.net, given.rows)))
        return
    why = why_not()
    if why:
        print(f"cuda skipped: {why}")
        if not given.cpu:
            return
    for line in table(given.rows, ["cpu"] if why else ["cpu", "cuda"]):
        print(line, flush=True)


def why_not() -> str:
    """Why cuda cannot be measured here; empty where it can."""
    try:
        import torch
    except ImportError:
        return "torch is not installed (pip install 'oddline[deep]')"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    return "" if torch.cuda.is_available() else "torch finds no GPU on this machine"


def table(rows: int, sides: list[str]) -> Iterator[str]:
    """One line for each net and side."""
    from oddline.pipelines.reconstructad import AUTOENCODERS

    yield f"| {rows:,} rows | on | learn s | score s | rows a second | share of peak | faster |"
    yield "|---|---|---|---|---|---|---|"
    for net in AUTOENCODERS:
        seconds: dict[str, float] = {}
        flops = 0.0
        for side in sides:
            told = run(side, net, rows)
            seconds[side] = told["score"]
            flops = flops or told["flops_a_window"]  # the processor's count: it runs first
            share = flops * rows / told["score"] / told["peak"]
            faster = f"{seconds['cpu'] / told['score']:.1f} ×"
            yield (
                f"| {net} | {told['name']} | {told['learn']:.2f} | {told['score']:.2f} "
                f"| {rows / told['score']:,.0f} | {100 * share:.1f} % | {faster} |"
            )


def run(side: str, net: str, rows: int) -> dict[str, Any]:
    """One side in a fresh process; the processor's sees no GPU."""
    environment = dict(os.environ)
    if side == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    words = [sys.executable, __file__, "--side", side, "--net", net, "--rows", str(rows)]
    ended = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def measure(net: str, rows: int) -> dict[str, Any]:
    """Learn and score here, on what the engine finds."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from oddline.pipelines import ReconstructAD

    cuda = torch.cuda.is_available()
    values = series_of(rows, 1)
    pipeline = ReconstructAD(estimator=net, lookback=WINDOW)
    pipeline.fit(values[: min(rows, 20_000)])
    begin = time.perf_counter()
    pipeline.fit(values[: min(rows, 20_000)])
    learn = time.perf_counter() - begin
    pipeline.anomaly_score(values)
    begin = time.perf_counter()
    pipeline.anomaly_score(values)
    score = time.perf_counter() - begin
    flops = 0
    if not cuda:  # the arithmetic is the same, and torch cannot take its own LSTM of a GPU apart
        counts = {torch.ops.aten.mkldnn_rnn_layer: lstm_flops}
        with FlopCounterMode(display=False, custom_mapping=counts) as counter:
            pipeline.anomaly_score(series_of(COUNTED + WINDOW - 1, 1))
        flops = counter.get_total_flops()
    return {
        "name": torch.cuda.get_device_name() if cuda else "processor, one core",
        "learn": learn,
        "score": score,
        "flops_a_window": flops / COUNTED,
        "peak": matrix_peak("cuda" if cuda else "cpu"),
    }


def lstm_flops(x: Any, read: Any, carried: Any, *_: Any, **__: Any) -> int:
    """Two operations for every weight, row and sequence of a layer that torch does not count; shapes in."""
    return int(2 * x[0] * x[1] * (read[0] * read[1] + carried[0] * carried[1]))


def matrix_peak(device: str) -> float:
    """Operations a second that large float32 matrix products reach, on one core of a processor."""
    import torch

    size, count = (8192, 20) if device == "cuda" else (1024, 10)
    torch.set_num_threads(1)
    left = torch.ones((size, size), device=device)
    rates = []
    for _ in range(4):
        begin = time.perf_counter()
        for _ in range(count):
            torch.mm(left, left)
        if device == "cuda":
            torch.cuda.synchronize()
        rates.append(count * 2 * size**3 / (time.perf_counter() - begin))
    return max(rates)


if __name__ == "__main__":
    main()
