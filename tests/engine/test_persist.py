"""Models as files: what is written, and that nothing forged, damaged or stale is handed out."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile

import numpy as np
import pytest

import oddline
from oddline import persist
from oddline.errors import ModelError

FAST = {"algorithm_type": "PredAD"}


def series(rows=300, columns=2):
    rng = np.random.default_rng(3)
    t = np.arange(rows)[:, None]
    return np.sin(t * 2 * np.pi / 30 + np.arange(columns)) + rng.normal(size=(rows, columns)) / 20


@pytest.fixture
def kept(tmp_path):
    oddline.fit(series(), **FAST).save(tmp_path / "m")
    return (tmp_path / "m").read_bytes()


def forged(kept, change, **more):
    """A model file whose structure was changed and whose checksum is right."""
    _, payload = kept.split(b"\n", 1)
    with np.load(io.BytesIO(payload)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    structure = json.loads(arrays.pop("structure").tobytes())
    change(structure)
    made = io.BytesIO()
    text = json.dumps(structure).encode()
    np.savez(made, structure=np.frombuffer(text, dtype=np.uint8), **arrays)
    return signed(made.getvalue(), **more)


def signed(payload, release=oddline.__version__):
    digest = hashlib.sha256(payload).hexdigest()
    header = {"format": "oddline-model", "version": 1, "oddline": release}
    header |= {"length": len(payload), "sha256": digest}
    return json.dumps(header).encode() + b"\n" + payload


def test_a_damaged_file_is_refused_wherever_it_is_damaged(kept):
    for place in np.linspace(0, len(kept) - 1, 60).astype(int).tolist():
        broken = bytearray(kept)
        broken[place] ^= 0x41
        with pytest.raises(ModelError):
            oddline.load(bytes(broken))
        with pytest.raises(ModelError):
            oddline.load(kept[:place])


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"PK\x03\x04", b"[" * 9000 + b"\n", b"\x80\x04N."])
def test_a_foreign_file_is_refused(content):
    with pytest.raises(ModelError, match="not an oddline model") as told:
        oddline.load(content)
    assert told.value.code == "not_a_model"


def test_another_version_is_refused_by_name(kept):
    with pytest.raises(ModelError, match="reads format 1"):
        oddline.load(kept.replace(b'"version": 1', b'"version": 2', 1))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "oddline.persist.save",
        "oddline.pipelines.base.np",
        "oddline.pipelines.Nope",
    ],
)
def test_only_estimators_of_the_engine_are_made(kept, name):
    with pytest.raises(ModelError):
        oddline.load(forged(kept, lambda s: s["pipeline"].update(object=name)))


def test_a_state_that_would_replace_a_method_is_refused(kept):
    with pytest.raises(ModelError, match="not laid out"):
        oddline.load(forged(kept, lambda s: s["pipeline"]["state"].update(_score=1)))


def test_nothing_pickled_or_compressed_is_read(kept):
    made = io.BytesIO()
    np.savez(made, structure=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ModelError):
        oddline.load(signed(made.getvalue()))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("structure.npy", b"0" * 10_000_000)
    with pytest.raises(ModelError, match="compressed"):
        oddline.load(signed(bomb.getvalue()))


def test_what_cannot_be_stored_is_named(tmp_path):
    made = oddline.fit(series(), **FAST)
    made.pipeline.odd_one = lambda: 0
    with pytest.raises(ModelError, match=r"pipeline\.odd_one"):
        made.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_or_read_is_a_clear_error(tmp_path):
    made = oddline.fit(series(), **FAST)
    with pytest.raises(ModelError, match="cannot be written"):
        made.save(tmp_path / "nowhere" / "m")
    with pytest.raises(ModelError, match="cannot be read"):
        oddline.load(tmp_path / "missing")


def test_a_version_of_the_format_is_named():
    assert persist.VERSION == 1


def within(*path, **changed):
    """A change of what lies at a path of a structure: a state, or a field of the model."""

    def change(structure):
        inner = structure
        for key in path:
            inner = inner[key]
        for name, value in changed.items():
            if value is GONE:
                del inner[name]
            else:
                inner[name] = value

    return change


GONE = object()
STATE = ("pipeline", "state")
FORGED = {
    "a dunder": within(*STATE, __dict__={"dict": [["anomaly_score", 5]]}),
    "a class": within(*STATE, __class__=5),
    "a method of the base": within(*STATE, anomaly_score=5),
    "units of texts": within(units={"tuple": ["a", "b"]}),
    "units beyond floats": within(units={"tuple": [10**30, 0]}),
    "units for one column": within(units={"tuple": [0]}),
    "columns of numbers": within(columns={"tuple": [1, 2]}),
    "a column more": within(columns={"tuple": ["a", "b", "c"]}, units={"tuple": [0, 0, 0]}),
    "a past of texts": within(past={"texts": ["a"]}),
    "a past of one number": within(past=3.0),
    "no past": within(past=GONE),
    "no such field": within(future=3.0),
    "a look-back beyond all rows": within(*STATE, lookback_=10**12),
    "a look-back of text": within(*STATE, lookback_="a"),
    "no warm-up": within(*STATE, warm_up_=GONE),
    "no reasons": within(*STATE, reasons_=GONE),
    "a delay below 0": within(*STATE, delay_=-1),
    "no state": within("pipeline", state={}),
    "a list for a pipeline": within(pipeline=[]),
    "an operator for a pipeline": within(
        pipeline={"object": "oddline.operators.scaling.Scale", "state": {"center": 1.0, "width": 1.0}}
    ),
    "parameters that are not known": within(spec={"dict": [["nope", 1]]}),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_what_could_not_score_is_refused_when_it_is_read(kept, change):
    with pytest.raises(ModelError) as told:
        oddline.load(forged(kept, change))
    assert told.value.code == "not_a_model"


@pytest.mark.parametrize("estimator", ["IsolationForest", "NearestNeighbor"])
def test_every_part_of_a_state_is_needed_and_missed_when_it_is_read(estimator, tmp_path):
    """Attributes of pipelines, detectors and operators, one by one: gone, and turned to text."""
    made = oddline.fit(series(), algorithm_type="WindowAD", anomaly_estimator=estimator)
    made.save(tmp_path / "m")
    kept = (tmp_path / "m").read_bytes()
    states = []

    def collect(value, path=()):
        if isinstance(value, dict):
            if "state" in value:
                states.extend((*path, "state", name) for name in value["state"])
            for key, inner in value.items():
                collect(inner, (*path, key))
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                collect(inner, (*path, place))

    oddline.load(forged(kept, collect))
    assert len(states) > 25
    for *path, name in states:
        for value in (GONE, "text"):
            try:
                again = oddline.load(forged(kept, within(*path, **{name: value})))
            except ModelError:
                continue
            # What passes does no harm: nothing that a score needs was lost.
            assert np.isfinite(again.score(series(40)).score).all(), (path, name)


def test_what_another_release_wrote_and_cannot_be_read_here_says_so(kept):
    with pytest.raises(ModelError, match=r"written by oddline '0\.0\.1'.*Fit the model anew") as told:
        oddline.load(forged(kept, within(*STATE, lookback_=GONE), release="0.0.1"))
    assert told.value.code == "other_version"
    again = oddline.load(forged(kept, lambda structure: None, release="0.0.1"))
    assert len(again.score(series(40))) == 40


def test_a_model_can_be_read_by_whom_the_umask_lets(tmp_path):
    made = oddline.fit(series(), **FAST)
    for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(mask)
        try:
            made.save(tmp_path / "m")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_of_a_foreign_file_only_the_head_is_read(tmp_path):
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2**42)  # four terabytes, none of them on the disk
    with pytest.raises(ModelError, match="not an oddline model"):
        oddline.load(tmp_path / "huge")


def test_of_a_file_of_another_length_only_the_head_is_read(kept, tmp_path):
    with open(tmp_path / "huge", "wb") as file:
        file.write(kept)
        file.truncate(2**42)
    with pytest.raises(ModelError, match="length") as told:
        oddline.load(tmp_path / "huge")
    assert told.value.code == "damaged"
