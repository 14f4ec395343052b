"""The steps that plans are made of: one file each, and one table that names them."""

from __future__ import annotations

from typing import Any

from degrade.degradation.steps.base import (
    NO_LEVELS,
    Chance,
    Of,
    PhotoSettings,
    PoolParts,
    Step,
    StepInputs,
    StepSettings,
    apply_steps,
)
from degrade.degradation.steps.blur import Blur, BlurSettings
from degrade.degradation.steps.colour_response import ColourResponse, ColourResponseSettings
from degrade.degradation.steps.edge_sharpening import EdgeSharpening, EdgeSharpeningSettings
from degrade.degradation.steps.gaussian_noise import GaussianNoise, GaussianNoiseSettings
from degrade.degradation.steps.hr_patch import HrPatch
from degrade.degradation.steps.jpeg import Jpeg, JpegChoice
from degrade.degradation.steps.linear_light import LinearLight, LinearLightSettings
from degrade.degradation.steps.lr_size import LrSize
from degrade.degradation.steps.model_error import (
    AUTO,
    MOST_BASE,
    MOST_SLOPE,
    ErrorSize,
    ModelError,
    ModelErrorSettings,
    Spectrum,
)
from degrade.degradation.steps.noise_model import ModelledNoise, ModelledNoiseSettings
from degrade.degradation.steps.poisson_noise import PoissonNoise, PoissonNoiseSettings
from degrade.degradation.steps.real_noise import Quilt
from degrade.degradation.steps.residual import Residual, ResidualSettings
from degrade.degradation.steps.resize import Resize, ResizeSettings
from degrade.degradation.steps.response import ESTIMATES_LACK, Response, ResponseSettings
from degrade.degradation.steps.rounding import Rounding
from degrade.degradation.steps.scaled_residual import ScaledResidual, ScaledResidualSettings
from degrade.degradation.steps.sharpening import Sharpening, SharpeningSettings
from degrade.degradation.steps.sinc import Sinc, SincSettings
from degrade.degradation.steps.synthetic_blur import SyntheticBlur, SyntheticBlurSettings
from degrade.degradation.steps.window import Window
from degrade.disk.structs import read_struct
from degrade.errors import CorruptDataError, InvalidValueError, printable

__all__ = [
    "AUTO",
    "ESTIMATES_LACK",
    "MOST_BASE",
    "MOST_SLOPE",
    "NO_LEVELS",
    "STEPS",
    "Blur",
    "BlurSettings",
    "Chance",
    "ColourResponse",
    "ColourResponseSettings",
    "EdgeSharpening",
    "EdgeSharpeningSettings",
    "ErrorSize",
    "GaussianNoise",
    "GaussianNoiseSettings",
    "HrPatch",
    "Jpeg",
    "JpegChoice",
    "LinearLight",
    "LinearLightSettings",
    "LrSize",
    "ModelError",
    "ModelErrorSettings",
    "ModelledNoise",
    "ModelledNoiseSettings",
    "Of",
    "PhotoSettings",
    "PoissonNoise",
    "PoissonNoiseSettings",
    "PoolParts",
    "Quilt",
    "Residual",
    "ResidualSettings",
    "Resize",
    "ResizeSettings",
    "Response",
    "ResponseSettings",
    "Rounding",
    "ScaledResidual",
    "ScaledResidualSettings",
    "Sharpening",
    "SharpeningSettings",
    "Sinc",
    "SincSettings",
    "Spectrum",
    "Step",
    "StepInputs",
    "StepSettings",
    "SyntheticBlur",
    "SyntheticBlurSettings",
    "Window",
    "apply_steps",
    "find_step",
    "read_step",
]

STEPS: dict[str, type[Step]] = {
    "hr-patch": HrPatch,
    "blur": Blur,
    "synthetic-blur": SyntheticBlur,
    "resize": Resize,
    "lr-size": LrSize,
    "sinc": Sinc,
    "linear-light": LinearLight,
    "response": Response,
    "colour-response": ColourResponse,
    "edge-sharpening": EdgeSharpening,
    "model-error": ModelError,
    "residual": Residual,
    "scaled-residual": ScaledResidual,
    "noise-model": ModelledNoise,
    "gaussian-noise": GaussianNoise,
    "poisson-noise": PoissonNoise,
    "sharpening": Sharpening,
    "rounding": Rounding,
    "jpeg": Jpeg,
    "window": Window,
}
"""All kinds of steps, in the order in which a camera takes them: that in which they are drawn and
applied."""


def find_step(kind: str) -> type[Step]:
    """Return the step of a kind.

    Raises
    ------
    InvalidValueError
        There is none.
    """
    if kind not in STEPS:
        known = ", ".join(STEPS)
        raise InvalidValueError(f"there is no step '{printable(kind[:24])}', only {known}")
    return STEPS[kind]


def read_step(data: Any) -> Step:
    """Rebuild a step from what its ``to_json`` returns.

    Raises
    ------
    CorruptDataError
        It is no step, or of a kind that this version does not know.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str):
        raise CorruptDataError("a step must be an object with a text 'kind'")
    try:
        found = find_step(kind)
    except InvalidValueError as error:
        raise CorruptDataError(str(error)) from None
    drawn = {name: value for name, value in data.items() if name != "kind"}
    return read_struct(drawn, found, f"the step {kind!r}")
