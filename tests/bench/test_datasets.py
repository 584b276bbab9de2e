"""The bench of datasets measures what it says."""

from dataclasses import replace

import datasets as bench
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings


def test_every_line_is_there(tmp_path):
    with EmbeddedServer(tmp_path / "data", Settings()) as server:
        settings = replace(Settings(), **server.login())
        with connect(settings, "cli") as client:
            small = bench.Bench(client, settings, 400)
            small.batch = 100
            lines = [*bench.measure(small)]
            assert small.dataset("keyed").rows == 400
            assert small.dataset("appended").rows == 401
            assert small.dataset("series").rows == 400 + 100 - 5
    assert len(lines) == 18
    assert len({what for what, _, _ in lines}) == 18


def test_growth_is_seen():
    with bench.growth() as memory:
        large = b"x" * 50_000_000
    assert 40 < memory["grown"] < 80
    assert len(large) == 50_000_000
