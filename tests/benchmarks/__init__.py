"""Benchmarks: each is one command, `python -m benchmarks.NAME` in the folder tests/ (README.md)."""
