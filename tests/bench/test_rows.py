"""The bench of rows measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

import rows as bench


@pytest.mark.parametrize("name", bench.CALLS)
def test_every_side_judges_every_row(name):
    values = bench.drawn(600, 3)
    scores = bench.CALLS[name](values)
    assert scores.shape == (600,)
    assert np.isfinite(scores).all()


def test_memory_is_that_of_a_table_and_near_what_the_service_is_told():
    taken = bench.peak_of(200_000, 20)
    assert taken > 200_000 * 20 * 8
    assert taken == pytest.approx(bench.memory_of("rows", 200_000, 20), rel=0.5)
