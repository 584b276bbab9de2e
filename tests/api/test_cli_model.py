"""The command line learns once and scores later."""

from __future__ import annotations

import numpy as np
import pytest

import oddline


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(5)
    values = np.sin(np.arange(500) / 4) + rng.normal(size=500) / 30
    values[450:456] += 3.0
    for name, part in (("past.csv", values[:400]), ("new.csv", values[400:])):
        (tmp_path / name).write_text("load\n" + "".join(f"{v!r}\n" for v in part.tolist()))
    return tmp_path


def test_fit_keeps_a_model_that_score_and_detect_use(run, files):
    model = files / "pump.oddline"
    code, out, _ = run("fit", files / "past.csv", "-o", model, "--algorithm", "PredAD", "--lookback", "25")
    assert code == 0
    assert out == f"Model(PredAD, look-back 25, learnt from 400 rows of load) is in {model}\n"
    expected = oddline.load(model).score(files / "new.csv")
    code, out, _ = run("score", files / "new.csv", "--model", model)
    assert code == 0
    assert out.splitlines()[1:] == [repr(v) for v in expected.score.tolist()]
    code, out, _ = run(
        "detect", files / "new.csv", "--model", model, "--labeling-method", "Chi-Square", "--csv"
    )
    assert code == 0
    assert len(out.splitlines()) == 101
    code, out, _ = run("score", "-", "--model", model, stdin=(files / "new.csv").read_bytes())
    assert len(out.splitlines()) == 101


def test_a_file_that_is_no_model_and_what_was_settled_are_refused_in_a_line(run, files):
    code, out, err = run("score", files / "new.csv", "--model", files / "past.csv")
    assert (code, out) == (2, "")
    assert "not an oddline model" in err
    model = files / "m"
    run("fit", files / "past.csv", "-o", model, "--algorithm", "PredAD")
    code, out, err = run("detect", files / "new.csv", "--model", model, "--lookback", "9")
    assert (code, out) == (2, "")
    assert "settled when the model learnt" in err


def test_a_flag_of_the_catalogue_is_a_flag_here(run, files):
    words = ("score", files / "past.csv", "--algorithm", "WindowAD", "--lookback", "20")
    plain, causal = run(*words)[1], run(*words, "--causal")[1]
    assert len(plain.splitlines()) == len(causal.splitlines()) == 401
    assert plain != causal
