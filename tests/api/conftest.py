"""The gateway's and the command line's fixtures."""

from commandline import run, served
from doors import gateway, make_gateway, store_login

__all__ = ["gateway", "make_gateway", "run", "served", "store_login"]
