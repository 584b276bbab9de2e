"""Models of rows as files: they come back as they were, and nothing forged or damaged is handed out."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import oddline
from engine.tables import kinds_of, mixed
from engine.test_persist import GONE, forged, signed, within
from oddline import persist
from oddline.errors import ModelError
from oddline.rows import RowModel, fit_rows
from oddline_api.cli.detect import judge

COLUMNS = mixed(300)


@pytest.fixture(scope="module", params=[True, False], ids=["forest", "scatter"])
def made(request):
    return fit_rows(COLUMNS, kinds=kinds_of(COLUMNS), contains_anomalies=request.param)


@pytest.fixture(scope="module")
def kept(made):
    return persist.dumps(made)


def test_a_model_comes_back_as_it_was(made, kept):
    again = persist.load(kept)
    assert isinstance(again, RowModel)
    assert repr(again) == repr(made)
    assert_array_equal(again.score(COLUMNS), made.training_scores)
    assert_array_equal(again.mahalanobis(COLUMNS), made.mahalanobis(COLUMNS))
    assert (again.columns, again.kinds, again.rows) == (tuple(COLUMNS), kinds_of(COLUMNS), 300)
    assert persist.dumps(again) == kept


def test_a_file_does_not_grow_with_the_table(made, kept):
    assert made.training_scores is not None
    assert persist.load(kept).training_scores is None
    assert len(kept) < 500_000


def test_a_file_on_the_disk_is_the_same(made, kept, tmp_path):
    persist.save(made, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == kept
    assert_array_equal(oddline.load(tmp_path / "m").score(COLUMNS), made.training_scores)


def test_a_damaged_file_is_refused_wherever_it_is_damaged(kept):
    for place in np.linspace(0, len(kept) - 1, 40).astype(int).tolist():
        broken = bytearray(kept)
        broken[place] ^= 0x41
        for data in (bytes(broken), kept[:place]):
            with pytest.raises(ModelError):
                persist.load(data)


STATE = ("detector", "state")
ENCODING, SCATTER = ("encoding", "state"), ("scatter", "state")
FORGED = {
    "another kind": within(kind="columns"),
    "no kind": within(kind=GONE),
    "a kind that cannot be looked up": within(kind=[]),
    "no columns": within(columns={"tuple": []}),
    "a column more": within(columns={"tuple": [*COLUMNS, "more"]}),
    "columns in another order": within(columns={"tuple": [*COLUMNS][::-1]}),
    "kinds that are none": within(kinds={"dict": [[name, "text"] for name in COLUMNS]}),
    "kinds of numbers": within(kinds={"dict": [[name, 5] for name in COLUMNS]}),
    "no kinds": within(kinds=None),
    "rows below 1": within(rows=0),
    "rows of text": within(rows="300"),
    "scores of learnt rows": within(training_scores={"array": "0"}),
    "an operator for a detector": within(
        detector={"object": "oddline.operators.scaling.Scale", "state": {"center": 1.0, "width": 1.0}}
    ),
    "a pipeline for a detector": within(detector={"object": "oddline.pipelines.predad.PredAD", "state": {}}),
    "an empty detector": within("detector", state={}),
    "a function for a detector": within("detector", object="oddline.rows.model.fit_rows"),
    "an import for a detector": within("detector", object="oddline.rows.model.RowForest"),
    "a method replaced": within(*STATE, oddness=5),
    "a dunder": within(*STATE, __class__=5),
    "no line": within(*STATE, offset_=GONE),
    "a line of nothing": within(*STATE, offset_={"float": "nan"}),
    "axes that are not there": within(*STATE, n_features_in_=99),
    "fewer numbers": within(*ENCODING, numbers={"tuple": ["level"]}),
    "texts for numbers": within(*ENCODING, texts={"tuple": ["level", "site", "name"]}),
    "fewer categories": within(*ENCODING, categories={"tuple": []}),
    "categories of numbers": within(*ENCODING, categories={"tuple": [1, 2, 3]}),
    "no scatter": within(scatter=None),
    "no width across": within(*SCATTER, rest=0.0),
    "units of texts": within(*SCATTER, unit={"texts": ["a"]}),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_what_could_not_score_is_refused_when_it_is_read(kept, change):
    with pytest.raises(ModelError) as told:
        persist.load(forged(kept, change))
    assert told.value.code == "not_a_model"


def arrays_of(kept, path):
    """The names of the arrays at a state, by attribute."""
    found = {}

    def look(structure):
        for key in path:
            structure = structure[key]
        states = {name: value for name, value in structure.items() if isinstance(value, dict)}
        found.update({name: value["array"] for name, value in states.items() if "array" in value})

    forged(kept, look)
    return found


def with_array(kept, name, change):
    """A model file in which one array was changed, with the right checksum."""
    with np.load(io.BytesIO(kept.split(b"\n", 1)[1])) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays[name] = change(arrays[name].copy())
    written = io.BytesIO()
    np.savez(written, **arrays)
    return signed(written.getvalue())


def fill_with(value):
    def change(array):
        array[...] = value
        return array

    return change


CHANGES = {
    "nan": fill_with(np.nan),
    "infinite": fill_with(np.inf),
    "one less": lambda array: array[:-1],
    "one more": lambda array: np.concatenate([array, array[:1]]),
    "in a list": lambda array: array[None],
    "texts": lambda array: array.astype(str),
    "nothing": lambda array: array[:0],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("path", [ENCODING, SCATTER], ids=["encoding", "scatter"])
def test_arrays_that_do_not_fit_are_refused(kept, path, change):
    for name in arrays_of(kept, path).values():
        with pytest.raises(ModelError):
            persist.load(with_array(kept, name, change))


@pytest.mark.parametrize(("path", "part"), [(ENCODING, "width"), (SCATTER, "width"), (SCATTER, "unit")])
def test_widths_of_nothing_are_refused(kept, path, part):
    name = arrays_of(kept, path)[part]
    for value in (0.0, -1.0):
        with pytest.raises(ModelError):
            persist.load(with_array(kept, name, fill_with(value)))


def one_leaf(place):
    def change(value):
        value[place] = np.nan
        return value

    return change


TREES = {
    "axis": [fill_with(99), fill_with(-2), lambda axis: axis[:, :100]],
    "threshold": [fill_with(np.nan), lambda threshold: threshold[:, 1:]],
    "value": [
        *(one_leaf((0, leaf)) for leaf in (0, 100, 255)),
        lambda value: value[:-1],
        lambda value: value[:, 1:],
    ],
}


@pytest.mark.parametrize("part", TREES)
def test_trees_that_could_not_be_asked_are_refused(part):
    kept = persist.dumps(fit_rows(COLUMNS, kinds=kinds_of(COLUMNS)))
    name = arrays_of(kept, (*STATE, "trees_", "state"))[part]
    for change in TREES[part]:
        with pytest.raises(ModelError):
            persist.load(with_array(kept, name, change))
    assert persist.load(with_array(kept, name, lambda array: array)).rows == 300


def test_every_part_of_a_detector_is_needed_and_missed_when_it_is_read(kept, made):
    for name in ("trees_", "scatter_", "line_", "offset_", "n_features_in_"):
        if name not in vars(made.detector):
            continue
        for value in (GONE, "text", None):
            with pytest.raises(ModelError):
                persist.load(forged(kept, within(*STATE, **{name: value})))
    if "line_" in vars(made.detector):
        for value in (0.0, -1.0, {"float": "inf"}):
            with pytest.raises(ModelError):
                persist.load(forged(kept, within(*STATE, line_=value)))
    # Nothing that a score needs is lost with the others.
    for name in {*vars(made.detector)} - {"trees_", "scatter_", "line_", "offset_", "n_features_in_"}:
        again = persist.load(forged(kept, within(*STATE, **{name: GONE})))
        assert_array_equal(again.score(COLUMNS), made.training_scores)


def test_a_model_of_rows_is_not_taken_for_one_of_a_series(kept, tmp_path):
    (tmp_path / "m").write_bytes(kept)
    with pytest.raises(ModelError, match="rows that have no order"):
        judge("tests/data/sample.csv", str(tmp_path / "m"), {})
