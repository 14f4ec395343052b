"""What a user decides for ``degrade finetune-artifacts``, and what it trains by then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.artifacts import DetectionSettings
from degrade.errors import InvalidValueError
from degrade.limits import MAX_PIXELS
from esrgan.training.config import TrainingConfig
from esrgan.training.config_text import parse_assignment, typed_changes
from esrgan.weights.identification import NetworkSpec

__all__ = ["FinetuneConfig"]

_LR_PATCH = 64
"""Most of a crop must have its surroundings, as in a photo: its edges are drawn without."""

_DEFAULTS: dict[str, Any] = {
    # Squares and the loss on artefacts look at what is flagged, which is little and differs much;
    # both would draw less of all texture, and the loss on energy gives that back where nothing was
    # flagged.
    "loss_weights": {"pixel": 1.0, "energy": 8.0, "artifact": 200.0},
    "pixel_loss": "l2",
    "clipped_hr": True,
    "learning_rate": 1e-4,
    # A network swings between validations; at a low rate it does less.
    "milestones": (150, 600),
    "gamma": 0.3,
    "batch_size": 8,
    "steps": 800,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneConfig:
    """The settings of ``degrade finetune-artifacts``.

    Attributes
    ----------
    sources : tuple of Path
        LR photos.
    mse, gan : Path
        Weights; the first of a network that was trained by pixels alone.
    out : Path
        Folder of the tuned weights, the table, the picture and all on the way.
    held_out : tuple of Path
        LR photos that validate and are not tuned on; none: a third of those with artefacts.
    clean : tuple of Path
        LR photos without artefacts, which calibrate the detection.
    pairs : Path or None
        Pairs whose LR images are tuned on, too.
    settings : tuple of str
        ``key=value`` of :class:`esrgan.training.config.TrainingConfig`.
    steps : int or None
        At most so many; None: 800.
    share : int
        Of so many crops one is around a flagged area, the others where nothing is flagged.
    tolerance : float
        By what share the energy of texture elsewhere may change.
    threshold, min_area
        See :class:`degrade.artifacts.DetectionSettings`.
    mirror : int
        LR pixels by which photos are mirrored on while they are enlarged.
    save_every : int
        Steps between validations.
    seed : int
    device : str
    max_memory : float or None
        GiB for a tile at work.
    max_minutes : float or None
        After so long the step in work is finished and saved.
    max_pixels : int
    """

    sources: tuple[Path, ...]
    mse: Path
    gan: Path
    out: Path
    held_out: tuple[Path, ...] = ()
    clean: tuple[Path, ...] = ()
    pairs: Path | None = None
    settings: tuple[str, ...] = ()
    steps: int | None = None
    share: int = 4
    tolerance: float = 0.05
    threshold: float = 0.7
    min_area: int = 4000
    mirror: int = 0
    save_every: int = 100
    seed: int = 0
    device: str = "auto"
    max_memory: float | None = None
    max_minutes: float | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        DetectionSettings(threshold=self.threshold, min_area=self.min_area)
        for name, least in (("save_every", 1), ("share", 2), ("seed", 0), ("tolerance", 0)):
            if not getattr(self, name) >= least:
                raise InvalidValueError(
                    f"{name} must be at least {least}, got {getattr(self, name)}"
                )
        if not self.sources:
            raise InvalidValueError("give LR photos in which the GAN's results break")

    @property
    def detection(self) -> DetectionSettings:
        """What counts as an artefact."""
        return DetectionSettings(threshold=self.threshold, min_area=self.min_area)

    def training(self, spec: NetworkSpec) -> TrainingConfig:
        """Return what is computed with a generator.

        Raises
        ------
        InvalidValueError
            A setting is unknown, or makes no run.
        """
        sizes = {n: spec.arguments[n] for n in ("features", "blocks") if n in spec.arguments}
        base: dict[str, Any] = {
            **_DEFAULTS,
            **sizes,
            "generator": spec.architecture,
            "hr_patch": _LR_PATCH * spec.scale,
        }
        changes = typed_changes(dict(map(parse_assignment, self.settings)), "`settings`")
        steps = {} if self.steps is None else {"steps": self.steps}
        return TrainingConfig(**base).with_settings(**changes, **steps)
