"""Imports: datasets fetched from where a client says."""
