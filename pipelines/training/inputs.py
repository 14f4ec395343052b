"""Everything that a training reads, opened and checked before anything is written."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.images.decoded_photos import DecodedPhoto
from degrade.pairs import PairReader, open_pairs
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from esrgan.data import PairDataset, PhotoDataset, Samples
from esrgan.distributed import World
from esrgan.losses import FeatureNetwork, GaborFeatures, find_vgg19_weights, load_vgg19
from esrgan.networks import Discriminator, Generator
from esrgan.perceptual import Perceptual, read_perceptual
from esrgan.training.batches import check_memory, check_shares
from esrgan.training.config import TrainingConfig
from esrgan.training.construction import check_init, check_init_discriminator, check_networks
from esrgan.training.tensorboard_log import require_tensorboard
from esrgan.training.validation import PairValidation, check_held_out
from esrgan.weights.discriminators import read_discriminator
from esrgan.weights.files import read_network
from pipelines.training.plan import Stage
from pipelines.training.settings import TrainConfig

__all__ = [
    "TrainingInputs",
    "check_settings",
    "open_inputs",
    "open_pool",
    "read_features",
    "read_init",
]


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """Everything that a training reads, opened before anything is written."""

    vgg_file: Path | None
    init: Generator | None
    datasets: tuple[Samples, ...]
    held_out: PairReader | None
    learned: Perceptual | None = None

    @property
    def too_small(self) -> list[tuple[str, str]]:
        """Names of pairs or photos that some stage leaves out, and why."""
        return sorted({reject for dataset in self.datasets for reject in dataset.rejects()})


def check_settings(config: TrainConfig, stages: Sequence[Stage], world: World) -> None:
    """Check what takes no time: shares of batches, TensorBoard, the weights to start from.

    Raises
    ------
    DegradeError
        A batch cannot be shared out, TensorBoard is not installed, or the initial weights do not
        exist; in this order.
    """
    for stage in stages:
        check_shares(stage.config, world)
    if config.tensorboard:
        require_tensorboard()
    if config.init is not None and not config.init.exists():
        raise InputError(
            config.init,
            "the weights to start from, `init`, do not exist",
            "check the path, or leave `init` out: what it stands for is then trained first",
        )
    if config.init_discriminator is not None:
        judged = judged_stage(stages)
        if judged is None:
            raise InvalidValueError(
                "`init_discriminator` is for a stage with an adversarial loss, and none has one"
            )
        read_init_discriminator(config.init_discriminator, stages[judged].config)


def open_inputs(
    config: TrainConfig,
    stages: Sequence[Stage],
    world: World,
    device: str,
    photos: Sequence[DecodedPhoto] = (),
) -> TrainingInputs:
    """Open and check everything, what is quickest to find missing first.

    Parameters
    ----------
    config, stages, world, device
        What is trained, by which processes, and where.
    photos : sequence of DecodedPhoto
        With ``config.hr``: what is trained on.

    Raises
    ------
    DegradeError
        VGG19's weights, the initial weights, the pairs, or photos and pool cannot be used, or a
        stage's networks cannot be made or take more memory than ``device`` has; in this order.
    """
    vgg_file = None
    if any(stage.config.needs_features == "vgg19" for stage in stages):
        vgg_file = find_vgg19_weights(config.vgg_weights)
    elif config.vgg_weights is not None and not config.vgg_weights.is_file():
        remedy = "leave `vgg_weights` out: no loss of this training needs it"
        raise InputError(config.vgg_weights, "no such file", remedy)
    init = None if config.init is None else read_init(config.init)
    datasets = tuple(_open_samples(config, stage, photos) for stage in stages)
    held_out = learned = None
    if config.validation is not None:
        held_out = open_pairs(config.validation)
        check_held_out(held_out, datasets[0].scale)
        if config.best_by in ("lpips", "dists"):
            learned = read_perceptual(config.best_by, config.best_by_weights)
        PairValidation(
            held_out, device=torch.device("cpu"), best_by=config.best_by, learned=learned
        )
    if config.init is not None and init is not None:
        if init.scale != datasets[0].scale:
            # Some weights leave it open; of the others it is told below.
            with contextlib.suppress(InputError):
                init = read_init(config.init, datasets[0].scale)
        check_init(init, stages[0].config, datasets[0].scale)
    for stage in stages:
        check_networks(stage.config, datasets[0].scale)
        check_memory(stage.config, datasets[0].scale, device, world)
    return TrainingInputs(vgg_file, init, datasets, held_out, learned)


def _open_samples(config: TrainConfig, stage: Stage, photos: Sequence[DecodedPhoto]) -> Samples:
    if config.pairs is not None:
        return PairDataset(
            config.pairs,
            hr_patch=stage.config.hr_patch,
            seed=config.seed,
            pool=config.pool,
            kernels=stage.config.needs_kernels,
        )
    pool = open_pool(config)
    try:
        return PhotoDataset(
            config.photo_store,
            photos,
            pool,
            config.degradation,
            hr_patch=stage.config.hr_patch,
            seed=config.seed,
            kernels=stage.config.needs_kernels,
        )
    except InvalidValueError as error:
        raise InvalidValueError(f"{stage.name}: {error}") from None


def open_pool(config: TrainConfig) -> DegradationPool:
    """Open the pool that photos are degraded by.

    Raises
    ------
    DegradeError
        It cannot be read, or lacks what the recipe draws from.
    """
    pool = DegradationPool.open(config.pool)
    index = pool.index(config.scale, config.degradation.measured_kinds)
    where = printable(pool.path)
    for entry in config.degradation.entries:
        try:
            entry.draw(index, (1, 1), rng_for(0))
        except InvalidValueError as error:
            raise DegradeError(
                f"{where} cannot give {entry.kind} at ×{config.scale}: {error}; fill it with "
                "`degrade build-pool`, or use another `recipe`"
            ) from None
    return pool


def read_init(path: Path, scale: int | None = None) -> Generator:
    """Read a generator for RGB images to start from; InputError where the file holds none.

    ``scale`` decides where the weights leave theirs open.
    """
    generator = read_network(path, scale=scale)
    if generator.in_channels < 3 or generator.out_channels != 3:
        channels = f"{generator.in_channels} channels to {generator.out_channels}"
        raise InputError(path, f"a generator from {channels}", "give one for RGB images")
    return generator


def judged_stage(stages: Sequence[Stage]) -> int | None:
    """Return the number of the first stage that has a discriminator; None where none has."""
    judged = (number for number, each in enumerate(stages) if each.config.needs_discriminator)
    return next(judged, None)


def read_init_discriminator(path: Path, config: TrainingConfig) -> Discriminator:
    """Read a discriminator to start from; DegradeError where the file holds none that fits."""
    found = read_discriminator(path, hr_patch=config.judged_patch, norm=config.discriminator_norm)
    check_init_discriminator(found, config)
    return found


def read_features(config: TrainingConfig, vgg_file: Path | None) -> FeatureNetwork | None:
    """Return the network that losses look through; None where none does."""
    if config.needs_features == "vgg19":
        return load_vgg19(vgg_file)
    return GaborFeatures() if config.needs_features == "gabor" else None
