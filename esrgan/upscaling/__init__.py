"""Enlarging whole images with a generator."""
