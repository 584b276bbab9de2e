"""What a desk does with datasets, asked as the gateway asks."""

import json
import threading

import pytest

from oddline.errors import OddlineError
from oddline_workers.calls import ask
from workers.trials import OWNER, wait_for


@pytest.fixture
def asked(service, store):
    """Ask a desk that runs in a process of its own."""
    service.start("-m", "oddline_workers.desk")
    wait_for(lambda: service.client.exists(f"{store.root}desk:data"), 60)

    def asked(op, arguments, data=b""):
        return ask(store, "data", op, {"owner": OWNER, "name": "hearts", **arguments}, data, seconds=30).head

    return asked


def test_rows_go_in_and_out_through_a_desk(asked, shelf):
    body = json.dumps({"columns": {"id": {"role": "key"}}, "data": [{"id": n, "v": n} for n in range(5)]})
    assert asked("put", {"kind": "json"}, body.encode()) == {"messages": []}
    assert asked("delete_rows", {"keys": ["1", "3"]}) == {"rows": 3}
    assert shelf.column("v") == ["0", "2", "4"]
    assert asked("stats", {"column": "v"})["columns"]["v"]["mean"] == 2
    with pytest.raises(OddlineError) as met:
        asked("put", {"kind": "json"}, b'{"columns":{"code":{"dataType":"x"}}}')
    assert (met.value.code, met.value.status) == ("invalid_columns", 400)
    assert [*met.value.where["columns"]] == ["code"]
    with pytest.raises(OddlineError) as met:
        asked("stats", {"name": "none"})
    assert met.value.where == {"itemType": "dataSet", "itemId": "none"}
    threads = [
        threading.Thread(target=asked, args=("put", {"kind": "csv"}, f"id,v\n{n},{n}\n".encode()))
        for n in range(50, 56)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(int, shelf.column("v"))) == [0, 2, 4, *range(50, 56)]
