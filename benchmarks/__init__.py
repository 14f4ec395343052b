"""Figures that can be repeated: each module is one command, ``python -m benchmarks.NAME``."""
