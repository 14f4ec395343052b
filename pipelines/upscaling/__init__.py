"""Enlarging the photos of a folder."""
