"""The settings of ``degrade train``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from degrade.degradation import MEASURED, DegradationConfig, Recipe
from degrade.errors import InvalidValueError
from degrade.geometry import as_scale, border_of, whole_scale
from degrade.images.decoded_photos import DecodedPhotos
from esrgan.training.best_by import BEST_BY, BestBy
from esrgan.training.config import FeatureName, Precision
from pipelines.executors import check_process_count
from pipelines.shared.recipes import refuse_without_pool
from pipelines.training.plan import Stage, plan_stages

__all__ = ["TrainConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """The settings of ``degrade train``.

    Attributes
    ----------
    pairs : Path or None
        What ``degrade build-pairs`` made. Either these, or ``hr``.
    out : Path
        Folder of the results: ``generator.pth``, checkpoints, ``log.jsonl``, ``preview.png``; for
        several stages, a folder of these for each.
    preset, stages, config_file, settings
        What is computed: see :func:`pipelines.training.plan.plan_stages`.
    steps, batch_size, hr_patch, precision : or None
        Of every stage; None: as planned.
    features : {"vgg19", "gabor"} or None
        Where content and texture loss look; None: as planned.
    vgg_weights : Path or None
        VGG19's weights; None: where ``torch.hub`` keeps them. Used when a loss needs them.
    init : Path or None
        Weights of a generator to start from; its sizes replace those of the recipe.
    init_discriminator : Path or None
        Weights of a discriminator to start from, with its sizes; the first stage that has one takes
        them.
    pool : Path or None
        Where deferred noise and kernels are; None: the pool that the pairs were built with. With
        ``hr`` what the photos are degraded by; None: nothing of the recipe is drawn from a pool.
    hr : tuple of Path
        Clean photos, folders or manifests, to be degraded on the fly.
    scale : int
        With ``hr``: HR size over LR size.
    recipe : Recipe
        With ``hr``: which steps LR goes through.
    clean_up : int or None
        With ``hr``: 1 takes the photos as they are, 2 halves them first; None: 1, or as a match had
        it whose kernels are drawn.
    cache : Path or None
        With ``hr``: where the photos are kept decoded, 3 bytes a pixel; trainings may share it.
        None: in a hidden folder of ``out``.
    validation : Path or None
        Pairs that are not trained on.
    best_by : str
        By which measure of it the best checkpoint is chosen: one of
        :data:`esrgan.training.best_by.BEST_BY`.
    best_by_weights : tuple of Path
        For "lpips" and "dists"; see :func:`esrgan.perceptual.read_perceptual`.
    seed : int
    device : str
        A torch device, or "auto": the GPU, if there is one.
    compile : bool
        Let ``torch.compile`` make the networks faster.
    workers : int
        Processes that read data. Does not change the result.
    save_every : int
        Steps between checkpoints, and between validations. Where the loss stays without a value
        the run goes back to the newest of these checkpoints, so it decides that as well.
    keep, keep_best : int
        How many checkpoints are kept: the newest, and those best in validation;
        with ``keep_best`` 0 there is no ``best.pth``.
    max_minutes : float or None
        After so long the step in work is finished and saved.
    tensorboard : bool
    """

    pairs: Path | None = None
    out: Path
    preset: str | None = None
    stages: tuple[str, ...] = ()
    config_file: Path | None = None
    settings: tuple[str, ...] = ()
    steps: int | None = None
    batch_size: int | None = None
    hr_patch: int | None = None
    precision: Precision | None = None
    features: FeatureName | None = None
    vgg_weights: Path | None = None
    init: Path | None = None
    init_discriminator: Path | None = None
    pool: Path | None = None
    hr: tuple[Path, ...] = ()
    scale: int = 4
    recipe: Recipe = MEASURED
    clean_up: int | None = None
    cache: Path | None = None
    validation: Path | None = None
    best_by: BestBy = "psnr"
    best_by_weights: tuple[Path, ...] = ()
    seed: int = 0
    device: str = "cpu"
    compile: bool = False
    workers: int = 0
    save_every: int = 500
    keep: int = 3
    keep_best: int = 1
    max_minutes: float | None = None
    tensorboard: bool = False

    def __post_init__(self) -> None:
        minima = {"seed": 0, "workers": 0, "save_every": 1, "keep": 1, "keep_best": 0}
        for name, minimum in minima.items():
            if getattr(self, name) < minimum:
                raise InvalidValueError(
                    f"{name} must be at least {minimum}, got {getattr(self, name)}"
                )
        self._check_sources()
        if self.best_by not in BEST_BY:
            raise InvalidValueError(
                f"best_by must be one of {', '.join(BEST_BY)}, got {self.best_by!r}"
            )
        if (self.best_by in ("lpips", "dists")) != bool(self.best_by_weights):
            raise InvalidValueError(
                "`best_by_weights` are the files of `best_by=lpips` or `best_by=dists`: give both "
                "or neither"
            )
        if self.best_by != "psnr" and self.validation is None:
            raise InvalidValueError(
                f"`best_by={self.best_by}` is measured on pairs held out: give `validation`"
            )
        check_process_count(self.workers, "`workers`")
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise InvalidValueError(f"max_minutes must be above 0, got {self.max_minutes}")

    def _check_sources(self) -> None:
        if (self.pairs is None) == (not self.hr):
            given = "both `pairs` and `hr` are" if self.hr else "neither `pairs` nor `hr` is"
            raise InvalidValueError(f"{given} given; train on pairs, or on photos and a `pool`")
        if self.hr and self.pool is None:
            refuse_without_pool(self.recipe)
        if not self.hr and self.cache is not None:
            raise InvalidValueError("only photos (`hr`) are decoded into a `cache`")
        if not self.hr and self.clean_up is not None:
            raise InvalidValueError("pairs have their `clean_up`; it is for photos (`hr`)")
        if self.clean_up not in (None, 1, 2):
            raise InvalidValueError(f"clean_up must be 1 or 2, got {self.clean_up}")
        scale = as_scale(self.scale)
        higher = border_of(scale)
        whole_scale(scale, f"networks enlarge by whole numbers; train with `scale={higher}`")

    @property
    def degradation(self) -> DegradationConfig:
        """What photos go through."""
        return DegradationConfig(scale=self.scale, recipe=self.recipe, clean_up=self.clean_up or 1)

    @property
    def photo_store(self) -> DecodedPhotos:
        """Where photos are kept decoded."""
        return DecodedPhotos(self.cache or self.out / ".photos", self.clean_up or 1)

    def plan(self) -> tuple[Stage, ...]:
        """Return what is going to be computed; see :func:`plan_stages` for the errors."""
        options = {
            "steps": self.steps,
            "batch_size": self.batch_size,
            "hr_patch": self.hr_patch,
            "precision": self.precision,
            "content_features": self.features,
        }
        return plan_stages(
            preset=self.preset,
            stages=self.stages,
            file=self.config_file,
            assignments=self.settings,
            has_init=self.init is not None,
            explicit={name: value for name, value in options.items() if value is not None},
        )
