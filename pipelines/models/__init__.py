"""Weights rewritten for other programs."""
