"""Datasets: rows that stay, kept as columns of the texts that are shown."""
