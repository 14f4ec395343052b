"""What people say of images: who sees what, and what can be concluded from it.

Pure functions; how votes are kept is the business of :mod:`degrade.studies`.
"""

from __future__ import annotations

from degrade.opinions.attention import Attention, check_attention
from degrade.opinions.orders import DECOY, NOTHING, TRUE, Design, Kind, Role, Trial, plan_trials
from degrade.opinions.preferences import Preferences, fit_preferences
from degrade.opinions.resampling import Drawn, draw_preferences, draw_scores
from degrade.opinions.scores import ScoreFit, fit_scores

__all__ = [
    "DECOY",
    "NOTHING",
    "TRUE",
    "Attention",
    "Design",
    "Drawn",
    "Kind",
    "Preferences",
    "Role",
    "ScoreFit",
    "Trial",
    "check_attention",
    "draw_preferences",
    "draw_scores",
    "fit_preferences",
    "fit_scores",
    "plan_trials",
]
