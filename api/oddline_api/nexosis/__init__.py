"""The Nexosis dialect: datasets, imports, sessions, models and predictions under /v1."""

from oddline_api.nexosis import datasets, elsewhere, imports, models, results, sessions, training
from oddline_api.nexosis.door import bp
from oddline_api.nexosis.paths import AnyCase

__all__ = ["AnyCase", "bp", "datasets", "elsewhere", "imports", "models", "results", "sessions", "training"]
