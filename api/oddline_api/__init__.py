"""The doors: the gateway in its dialects, the client and the command line."""
