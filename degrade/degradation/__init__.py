"""The degradation: plan, then apply."""

from degrade.degradation.index import Measured, NoiseChoice, PoolIndex
from degrade.degradation.plan import (
    DegradationConfig,
    DegradationPlan,
    Pair,
    apply_degradation,
    clean_up,
    hr_boxes,
    make_pair,
    plan_degradation,
)

__all__ = [
    "DegradationConfig",
    "DegradationPlan",
    "Measured",
    "NoiseChoice",
    "Pair",
    "PoolIndex",
    "apply_degradation",
    "clean_up",
    "hr_boxes",
    "make_pair",
    "plan_degradation",
]
