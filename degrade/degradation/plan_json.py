"""Plans as JSON: a list of steps since version 2, and the fixed fields of version 1.

Until version 3 kernels were rounded to 2⁻¹⁶: plans of earlier versions keep that, and say so when
they are written anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from degrade.arrays import Box
from degrade.degradation.steps import Blur, Residual, Step, read_step
from degrade.disk.structs import Text, Whole, read_struct
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.geometry import Scale, scale_from_json

__all__ = ["VERSION", "PlanFields", "read_plan"]

VERSION = 3
"""Of what is written."""

_WHAT = "not a degradation plan"
_Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
_Scale = Annotated[int, msgspec.Meta(ge=2, le=2**53)]


class PlanFields(NamedTuple):
    """The fields of a :class:`~degrade.degradation.DegradationPlan`."""

    key: str
    source_sha256: str
    clean_up: int
    hr_box: Box
    scale: Scale
    steps: tuple[Step, ...]


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all versions have."""

    key: Text
    source_sha256: Text
    clean_up: _Positive
    hr_box: tuple[Whole, Whole, Whole, Whole]


class _Version1(_Plan, frozen=True, kw_only=True):
    scale: _Scale
    kernel_id: Text
    noise_id: Text | None
    noise_origin: tuple[Whole, Whole] | None


class _Steps(_Plan, frozen=True, kw_only=True):
    version: int
    scale: tuple[_Positive, _Positive]
    steps: tuple[Any, ...]


def read_plan(data: Mapping[str, Any]) -> PlanFields:
    """Check every field of a plan that was written by this or an earlier version.

    Raises
    ------
    CorruptDataError
        Fields are missing, unknown, or of another type or range than a plan has; or the plan is of
        a version or a kind of step that this program does not know.
    """
    if "version" not in data:  # the first version did not name itself
        return _read_version_1(read_struct(data, _Version1, _WHAT))
    version = data["version"]
    if type(version) is not int or version not in (2, VERSION):
        raise CorruptDataError(
            f"{_WHAT}: 'version' must be 2 or {VERSION}, or missing in the oldest"
        )
    fields = _read_steps(read_struct(data, _Steps, _WHAT))
    return fields if version == VERSION else fields._replace(steps=_as_before(fields.steps))


def _read_version_1(plan: _Version1) -> PlanFields:
    if (plan.noise_id is None) != (plan.noise_origin is None):
        raise CorruptDataError(f"{_WHAT}: noise_id and noise_origin must come together")
    steps: tuple[Step, ...] = (Blur(plan.kernel_id, coarse=True),)
    if plan.noise_id is not None and plan.noise_origin is not None:
        steps += (Residual(plan.noise_id, *plan.noise_origin),)
    return PlanFields(plan.key, plan.source_sha256, plan.clean_up, plan.hr_box, plan.scale, steps)


def _as_before(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return steps of version 2 as this version says them."""
    return tuple(
        msgspec.structs.replace(step, coarse=True) if isinstance(step, Blur) else step
        for step in steps
    )


def _read_steps(plan: _Steps) -> PlanFields:
    try:
        scale = scale_from_json(plan.scale)
    except InvalidValueError as error:
        raise CorruptDataError(f"{_WHAT}: {error}") from None
    steps = []
    for number, step in enumerate(plan.steps):
        try:
            steps.append(read_step(step))
        except CorruptDataError as error:
            raise CorruptDataError(f"{_WHAT}: steps[{number}]: {error}") from None
    return PlanFields(plan.key, plan.source_sha256, plan.clean_up, plan.hr_box, scale, tuple(steps))
