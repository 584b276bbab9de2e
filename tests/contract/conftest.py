"""The gateway's fixtures."""

from doors import gateway, make_gateway, store_login

__all__ = ["gateway", "make_gateway", "store_login"]
