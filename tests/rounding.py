"""How far two right computations of one thing may lie apart: bounds from arithmetic, not from runs.

Libraries choose their kernels by the processor. These add up in different orders, and some fuse a
product and a sum into one rounding, so results differ in the last bits from machine to machine. A
bound that was seen on one machine says nothing about another; these hold on all.

One rounding changes a number by at most the unit roundoff u, half the distance from 1 to the next
one, relative to it. So n roundings on the way to a result change it by at most
γ(n) = n·u / (1 - n·u), and a sum of n products is off by at most γ(n) · Σ |product|, in whatever
order they are added and whether operations are fused or not (Higham, "Accuracy and Stability of
Numerical Algorithms", 2002, §3.1).

In a network, each layer may amplify what came in. The worst case is then far from what happens,
and would let mistakes pass: of two formulas for one thing, both are computed in float64, and
:data:`SAME_FORMULA` is the bound.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["SAME_FORMULA", "assert_same_formula", "gamma"]

SAME_FORMULA = 1e-9
"""How far two computations of one formula in float64 may lie apart, relative to the largest value.

A million roundings (1e-10), amplified ten times: the tests' networks and sums do far less. A wrong
weight, border or factor makes a difference that is a million times larger.
"""


def gamma(roundings: int, dtype: torch.dtype = torch.float32) -> float:
    """Return the largest relative error that so many roundings make.

    Parameters
    ----------
    roundings : int
        On the longest way from an input to the result: one for each product and each sum.
    dtype : torch.dtype
        Of the computation.
    """
    unit = torch.finfo(dtype).eps / 2
    return roundings * unit / (1 - roundings * unit)


def assert_same_formula(found: Tensor, expected: Tensor) -> None:
    """Compare what two formulas for one thing gave in float64."""
    assert found.dtype == expected.dtype == torch.float64
    largest = float(expected.detach().abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(found, expected, rtol=0, atol=SAME_FORMULA * largest)
