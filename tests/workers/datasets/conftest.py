"""Rows put into datasets and read from them."""

import json

import pytest

from oddline_workers.datasets import columnar, ingest
from oddline_workers.datasets.catalogue import Datasets
from workers.trials import OWNER


class Shelf:
    """The datasets of one client."""

    def __init__(self, client, settings):
        self.client, self.settings = client, settings
        self.datasets = Datasets(client, settings)
        self.messages = []

    def put(self, body, name="hearts", kind=None, **more):
        """Put rows (a list), a JSON body (a dict), or a text that is CSV; the dataset."""
        kind = kind or ("csv" if isinstance(body, str) else "json")
        if isinstance(body, list):
            body = {"data": body}
        if isinstance(body, dict):
            body = json.dumps(body)
        data = body if isinstance(body, bytes) else body.encode()
        dataset, self.messages = ingest.put(self.client, self.settings, OWNER, name, data, kind, **more)
        assert self.datasets.get(OWNER, name) == dataset
        return dataset

    def rows(self, name="hearts", start=0, stop=1_000_000):
        dataset = self.datasets.get(OWNER, name)
        root = self.settings.key_prefix
        return columnar.page(self.client, root, dataset.table, [*dataset.columns], start, stop)

    def column(self, column, name="hearts"):
        return [row.get(column) for row in self.rows(name)]

    def segments(self):
        """The segments that no clock is running for."""
        root = self.settings.key_prefix
        keys = [*self.client.scan_iter(root + "segment:*", count=1000)]
        return {key.decode().removeprefix(root) for key in keys if self.client.ttl(key) == -1}


@pytest.fixture
def shelf(client, settings):
    return Shelf(client, settings)


@pytest.fixture
def small(monkeypatch):
    """Segments of four rows."""
    monkeypatch.setattr("oddline_workers.datasets.weaving.segment_rows", lambda columns: 4)
