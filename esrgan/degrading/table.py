"""Which kinds of steps have a batched form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from torch import Tensor

from degrade.degradation.steps import (
    Blur,
    Jpeg,
    LinearLight,
    ModelError,
    Residual,
    Response,
    Rounding,
    Step,
)
from esrgan.degrading.blur import blur
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.jpeg import jpeg
from esrgan.degrading.linear_light import linear_light
from esrgan.degrading.model_error import model_error
from esrgan.degrading.residual import residual
from esrgan.degrading.response import response
from esrgan.degrading.rounding import rounding

__all__ = ["BATCHED", "BatchedStep"]

BatchedStep: TypeAlias = Callable[[Tensor, Sequence[Any], BatchInputs], Tensor]
"""Takes the levels of some samples, their steps of one kind and what they read. Levels are a
(B, h, w, 3) float32 tensor, of no pixels where LR is still to be made; it stays as it is. Returns
the same as ``Step.apply`` gives for each sample, on the device of the levels."""

BATCHED: Mapping[type[Step], BatchedStep] = {
    Blur: blur,
    LinearLight: linear_light,
    Response: response,
    ModelError: model_error,
    Residual: residual,
    Rounding: rounding,
    Jpeg: jpeg,
}
"""By kind of step. A kind that is not here is applied by its own ``apply``, sample by sample."""
