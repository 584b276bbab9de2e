"""Our own dialect: jobs under /api/v1."""

from oddline_api.jobs.routes import bp

__all__ = ["bp"]
