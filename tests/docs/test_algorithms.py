"""docs/algorithms.md is what the catalogue says."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oddline.catalog import ALGORITHMS, page
from oddline.pipelines import PIPELINES

PAGE = Path(__file__).parents[2] / "docs" / "algorithms.md"


def test_the_page_is_made_from_the_catalogue():
    assert doctest.testmod(page).failed == 0
    assert PAGE.read_text() == page.page(), "run: python -m oddline.catalog.page > docs/algorithms.md"


def test_the_command_that_the_page_names_makes_it():
    made = subprocess.check_output([sys.executable, "-m", "oddline.catalog.page"], text=True)
    assert made == PAGE.read_text()


def test_every_pair_that_is_built_has_its_line():
    text = PAGE.read_text()
    for algorithm, estimator in PIPELINES:
        section = text.split(f"\n## {algorithm}\n")[1].split("\n## ")[0]
        assert f"| `{estimator}`" in section


@pytest.mark.parametrize(
    ("algorithm", "estimator"),
    [(a, e) for a in ALGORITHMS for e in a.estimators],
    ids=lambda item: item.name,
)
def test_every_line_is_whole(algorithm, estimator):
    for said in (estimator.blurb, estimator.finds, estimator.misses, estimator.cost):
        assert len(said) > 3
        assert "|" not in said
    # A technical report may have no DOI, as long as it does not stand alone.
    assert any("doi:" in paper or "arXiv:" in paper for paper in estimator.papers)
    assert all(re.search(r"\b(19|20)\d\d\b", paper) for paper in estimator.papers)
