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
from degrade.degradation.plan import DegradationPlan, hr_boxes, plan_degradation
from degrade.degradation.recipe import Entry, Recipe, draw_steps, read_recipe
from degrade.degradation.recipes import MEASURED, RECIPES, recipe_of_run

__all__ = [
    "MEASURED",
    "RECIPES",
    "DegradationConfig",
    "DegradationPlan",
    "Entry",
    "Measured",
    "NoiseChoice",
    "Pair",
    "PoolIndex",
    "Recipe",
    "apply_degradation",
    "clean_up",
    "draw_steps",
    "hr_boxes",
    "make_pair",
    "plan_degradation",
    "prepare_hr",
    "read_recipe",
    "recipe_of_run",
]
