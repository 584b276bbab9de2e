"""Labelled series in the layout of TSB-AD."""

import numpy as np
import pytest

from series import dominant_period, published, read_folder

INDEX = "file,track,train_length,eval_window\nb.csv,U,3,7\na.csv,M,2,5\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_text("Data_0,Data_1,Label\n1,2,0\n3,4.5,1\n")
    (tmp_path / "b.csv").write_text("Data,Label\n" + "".join(f"{i % 4},{int(i == 9)}\n" for i in range(200)))
    return tmp_path


def test_the_index_tells_track_buffer_and_training_rows(folder):
    (folder / "index.csv").write_text(INDEX)
    several, lone = read_folder(folder)
    assert (several.name, several.track, several.buffer, several.train_rows) == ("a.csv", "M", 5, 2)
    np.testing.assert_array_equal(several.values, [[1, 2], [3, 4.5]])
    np.testing.assert_array_equal(several.label, [0, 1])
    assert (lone.name, lone.track, lone.buffer, lone.values.shape) == ("b.csv", "U", 7, (200, 1))
    assert [series.name for series in read_folder(folder, "U")] == ["b.csv"]


def test_without_an_index_columns_and_period_decide(folder):
    (folder / "published_vus_pr_U.csv").write_text("file,Sub-PCA\nb.csv,0.25\n")
    (lone,) = read_folder(folder, "U")
    assert lone.buffer == 4
    assert published(folder, "U") == {"Sub-PCA": {"b.csv": 0.25}}
    assert published(folder, "M") == {}


def test_a_table_without_labels_is_refused(tmp_path):
    (tmp_path / "c.csv").write_text("Data,Value\n1,2\n")
    with pytest.raises(ValueError, match=r"c\.csv: the last column is 'Value'"):
        read_folder(tmp_path)


@pytest.mark.parametrize("period", [7, 24, 288])
def test_the_dominant_period_of_a_noisy_season(period):
    rng = np.random.default_rng(period)
    season = np.tile(rng.normal(size=period), 2000 // period + 3)
    assert dominant_period(season + 0.1 * rng.normal(size=len(season))) == period


def test_a_line_has_no_period():
    assert dominant_period(np.arange(500.0)) == 125
    assert dominant_period(np.ones(500)) == 125
