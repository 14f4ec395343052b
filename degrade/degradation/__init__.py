"""The degradation: plan, then apply."""

from degrade.degradation.plan import (
    DegradationConfig,
    DegradationPlan,
    NoiseChoice,
    Pair,
    PoolIndex,
    apply_degradation,
    clean_up,
    hr_boxes,
    make_pair,
    plan_degradation,
)

__all__ = [
    "DegradationConfig",
    "DegradationPlan",
    "NoiseChoice",
    "Pair",
    "PoolIndex",
    "apply_degradation",
    "clean_up",
    "hr_boxes",
    "make_pair",
    "plan_degradation",
]
