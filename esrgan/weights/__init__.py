"""Weights in files: reading, naming, identifying, mixing and exporting them."""
