"""The IBM dialect: the routes, forms and answers of the hosted Anomaly Detection API."""

from oddline_api.ibm.routes import bp

__all__ = ["bp"]
