"""Which quantisation table the coefficients of a grid have been through."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.jpeg.lattice import LARGEST_STEP, coefficient_counts, evidence_for_steps
from degrade.jpeg.names import known_pairs

__all__ = ["TableFit", "fit_table", "lively"]

LEAST = 40.0
"""Log-likelihood ratio from which on a table is claimed; clean photos stay below zero."""

_APART = 20.0
"""By how much it must be ahead of every other table."""

_REFUTED = 25.0
"""By how much another step, at one frequency, may be ahead of that of the table."""

_STEP = 15.0
"""What a single step needs to be claimed, and to be ahead of all others."""

_FREQUENCIES = np.arange(1, 64)
"""Means are left aside: decoders, and drawings, make them multiples of 8."""


@dataclass(frozen=True, slots=True)
class TableFit:
    """The table that fits.

    Attributes
    ----------
    table : tuple of 64 int or None
        All of it, where it is one that is known.
    steps : tuple of 64 int
        Those of a table that is not known, 0 where a step cannot be told; empty with ``table``.
    turned : bool
        The photo was turned by 90° after it was compressed: ``table`` is that of the file.
    support : float
        The log-likelihood ratio against no compression.
    """

    table: tuple[int, ...] | None
    steps: tuple[int, ...]
    turned: bool
    support: float


def lively(coefficients: FloatArray, least: float) -> FloatArray:
    """Return the blocks, (N, 64), in which rounding to whole levels is evenly spread noise.

    In a flat block it takes a faint wave away whole, and in one that varies along one axis only all
    its lines are rounded alike. So what is asked for is the power of waves along both axes.

    Parameters
    ----------
    coefficients : (..., 64) float32 array
    least : float
        Of the power, in squared levels for each pixel.
    """
    blocks = coefficients.reshape(-1, 8, 8)
    power = np.einsum("nij,nij->n", blocks[:, 1:, 1:], blocks[:, 1:, 1:]) / 64
    chosen: FloatArray = blocks[power >= least].reshape(-1, 64)
    return chosen


def fit_table(
    blocks: FloatArray, variances: npt.NDArray[np.float64], which: int
) -> TableFit | None:
    """Fit a table to blocks; None when none can be told.

    Parameters
    ----------
    blocks : (N, 64) float32 array
        Coefficients.
    variances : (64,) float64 array
        Of what rounding has added to each.
    which : {0, 1}
        0: known tables of luma are tried; 1: of chroma.
    """
    evidence = evidence_for_steps(coefficient_counts(blocks), variances)
    return judge(evidence, which)


def judge(evidence: FloatArray, which: int) -> TableFit | None:
    """Return what evidence by frequency and step says; parameters as :func:`fit_table`."""
    tables, is_turned, places = _bank(which)
    sums = evidence[_FREQUENCIES, places[:, 1:]].sum(axis=1, dtype=np.float64)
    best = int(sums.argmax())
    support = float(sums[best])
    is_clear = support - np.delete(sums, best).max() >= _APART
    if support >= LEAST and is_clear and not _refuted(evidence, places[best]):
        return TableFit(tables[best], (), is_turned[best], support)
    steps, support = _own_steps(evidence)
    if support < LEAST:
        return None
    return TableFit(None, steps, False, support)


def _refuted(evidence: FloatArray, table: npt.NDArray[np.int64]) -> bool:
    """Tell whether at some frequency another step fits better, which is no multiple of it.

    Multiples are what an earlier compression with larger steps leaves.
    """
    best = evidence[1:].argmax(axis=1)
    ahead = evidence[_FREQUENCIES, best] - evidence[_FREQUENCIES, table[1:]]
    return bool(np.any((ahead > _REFUTED) & (best % table[1:] != 0)))


def _own_steps(evidence: FloatArray) -> tuple[tuple[int, ...], float]:
    """Return the steps that are certain, and how much speaks for them together."""
    rows, best = np.arange(64), evidence.argmax(axis=1)
    height = evidence[rows, best]
    others = evidence.copy()
    others[rows, best] = -np.inf
    sure = (height >= _STEP) & (height - others.max(axis=1) >= _STEP)
    sure[0] = False
    steps = np.where(sure, best, 0)
    return tuple(steps.tolist()), float(height[sure].sum())


@functools.cache
def _bank(which: int) -> tuple[list[tuple[int, ...]], list[bool], npt.NDArray[np.int64]]:
    """Return the known tables, which of them stand turned, and how they stand in the photo."""
    tables = list(dict.fromkeys(pair[which] for pair in known_pairs()))
    tables = [table for table in tables if max(table) <= LARGEST_STEP]
    plain = np.array(tables, np.int64)
    turned = plain.reshape(-1, 8, 8).swapaxes(1, 2).reshape(-1, 64)
    differ = np.flatnonzero((plain != turned).any(axis=1))
    flags = [False] * len(tables) + [True] * len(differ)
    return [*tables, *(tables[n] for n in differ)], flags, np.concatenate([plain, turned[differ]])
