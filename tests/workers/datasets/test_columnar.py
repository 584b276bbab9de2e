"""Columns in pieces: written, read by page and as CSV, and refused where they are altered."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddline.errors import JobError, RunError
from oddline_workers import blobs
from oddline_workers.datasets import columnar
from oddline_workers.datasets.columnar import Segment, Table, TableWriter, pack, unpack

NAMES = ("id", "x", "note")


@pytest.fixture
def root(service):
    return service.settings.key_prefix


@pytest.fixture
def table(client, root):
    """Ten rows in segments of four; the second one has no notes."""
    writer = blobs.Writer(client, root + "result:a:1")
    tables = TableWriter(writer, "result:a:1")
    for start in (0, 4, 8):
        rows = range(start, min(start + 4, 10))
        columns = {
            "id": pack([f"r{n}" for n in rows], numbers=False),
            "x": pack([None if n == 5 else str(n / 2) for n in rows], numbers=True),
        }
        if start != 4:
            columns["note"] = pack([f'say "{n}",\n' if n % 2 else None for n in rows], numbers=False)
        tables.add(columns, len(rows))
    writer.pipe.execute()
    return Table.from_json(json.loads(json.dumps(tables.table().to_json())))


def row(n):
    values = {"id": f"r{n}"}
    if n != 5:
        values["x"] = str(n / 2)
    if n % 2 and not 4 <= n < 8:
        values["note"] = f'say "{n}",\n'
    return values


numbers = st.lists(st.none() | st.integers().map(str) | st.floats(allow_nan=False).map(lambda x: f"{x:.15g}"))


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"))))
def test_texts_come_back(values):
    assert unpack(pack(values, numbers=False)) == values


@given(numbers)
def test_numbers_come_back(values):
    assert unpack(pack(values, numbers=True)) == values


def test_a_table_comes_back_from_its_json(table):
    assert table.columns == NAMES
    assert table.rows == 10
    assert [Segment.from_json(json.loads(json.dumps(one.to_json()))) for one in table.segments] == [
        *table.segments
    ]
    assert Table.from_json(json.loads(json.dumps(table.to_json()))) == table


def test_pieces_that_are_no_columns_are_kept_but_not_shown(client, root):
    writer = blobs.Writer(client, root + "segment:a")
    tables = TableWriter(writer, "segment:a")
    tables.add({"\0keys": pack(["1"], numbers=True), "a": pack(["x"], numbers=False)}, 1)
    writer.pipe.execute()
    table = Table.from_json(tables.table().to_json())
    assert table.columns == ("a",)
    assert table.size == writer.stored
    assert [unpack(piece) for piece in columnar.fetch(client, root, table.segments[0], ["\0keys"])] == [["1"]]


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (0, 1), (3, 5), (4, 8), (5, 6), (9, 50), (10, 20)])
def test_a_page_holds_its_rows(client, root, table, start, stop):
    assert columnar.page(client, root, table, NAMES, start, stop) == [
        row(n) for n in range(start, min(stop, 10))
    ]


def test_a_page_of_some_columns_and_of_none(client, root, table):
    assert columnar.page(client, root, table, ["note"], 5, 10) == [{}, {}, {}, {}, {"note": row(9)["note"]}]
    assert columnar.page(client, root, table, [], 2, 4) == [{}, {}]
    assert columnar.page(client, root, Table(), NAMES, 0, 5) == []


def test_a_page_is_one_round_trip(client, root, table):
    before = client.info("stats")["total_reads_processed"]
    columnar.page(client, root, table, NAMES, 0, 10)
    assert client.info("stats")["total_reads_processed"] - before == 2  # and the question itself


def test_batches_are_segments(client, root, table):
    found = [*columnar.batches(client, root, table, ["x", "note"])]
    assert [rows for rows, _ in found] == [4, 4, 2]
    assert found[1][1] == [["2.0", None, "3.0", "3.5"], [None] * 4]


@pytest.mark.parametrize(("start", "stop"), [(0, None), (3, 7), (0, 0)])
def test_csv_is_read_back_by_any_reader(client, root, table, start, stop):
    lines = b"".join(columnar.csv_lines(client, root, table, NAMES, start, stop))
    assert lines.count(b"\r\n") >= 1
    header, *rows = csv.reader(io.StringIO(lines.decode(), newline=""))
    wanted = [[row(n).get(name, "") for name in NAMES] for n in range(10)[start:stop]]
    assert (header, rows) == ([*NAMES], wanted)


def test_a_missing_value_alone_in_its_line_is_still_a_row(client, root, table):
    lines = b"".join(columnar.csv_lines(client, root, table, ["x"], 4, 6))
    assert lines == b'x\r\n2.0\r\n""\r\n'


def altered(piece):
    return piece[:-1] + bytes([piece[-1] ^ 1])


@pytest.mark.parametrize("change", [altered, lambda piece: piece[:-1], None])
def test_an_altered_piece_is_damage(client, root, table, change):
    key, field = root + "result:a:1", str(table.segments[1].pieces["x"][0])
    if change is None:
        client.hdel(key, field)
    else:
        client.hset(key, field, change(client.hget(key, field)))
    assert len(columnar.page(client, root, table, ["id"], 0, 10)) == 10
    for read in (
        lambda: columnar.page(client, root, table, NAMES, 3, 5),
        lambda: [*columnar.batches(client, root, table, ["x"])],
        lambda: [*columnar.csv_lines(client, root, table, ["x"])],
    ):
        with pytest.raises(RunError, match="column 'x' is missing or altered") as met:
            read()
        assert met.value.code == "damaged"


def test_a_segment_that_is_gone_has_expired(client, root, table):
    client.delete(root + "result:a:1")
    with pytest.raises(JobError) as met:
        columnar.page(client, root, table, NAMES, 0, 1)
    assert met.value.code == "expired"


def test_wide_tables_have_shorter_segments():
    assert columnar.segment_rows(22) == 10_000
    assert columnar.segment_rows(2_000) == 250
    assert columnar.segment_rows(10**9) == 1
