"""Filling a pool from photos and from the files of others, and looking into it."""
