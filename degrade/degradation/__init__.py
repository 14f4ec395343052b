"""The degradation: plan, then apply."""

from degrade.degradation.config import DegradationConfig
from degrade.degradation.index import Measured, NoiseChoice, PoolIndex
from degrade.degradation.pair import (
    Pair,
    apply_degradation,
    clean_up,
    make_pair,
    prepare_hr,
)
from degrade.degradation.plan import DegradationPlan, draw_steps, hr_boxes, plan_degradation

__all__ = [
    "DegradationConfig",
    "DegradationPlan",
    "Measured",
    "NoiseChoice",
    "Pair",
    "PoolIndex",
    "apply_degradation",
    "clean_up",
    "draw_steps",
    "hr_boxes",
    "make_pair",
    "plan_degradation",
    "prepare_hr",
]
