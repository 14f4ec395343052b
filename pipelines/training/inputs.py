"""Everything that a training reads, opened and checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.errors import InputError
from degrade.pairs import PairReader, open_pairs
from esrgan.data import PairDataset
from esrgan.distributed import World
from esrgan.losses import find_vgg19_weights
from esrgan.networks import Generator
from esrgan.training.batches import check_memory, check_shares
from esrgan.training.construction import check_init, check_networks
from esrgan.training.tensorboard_log import require_tensorboard
from esrgan.training.validation import check_held_out
from esrgan.weights.files import read_network
from pipelines.training.plan import Stage
from pipelines.training.settings import TrainConfig

__all__ = ["TrainingInputs", "open_inputs", "read_init"]


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """Everything that a training reads, opened before anything is written."""

    vgg_file: Path | None
    init: Generator | None
    datasets: tuple[PairDataset, ...]
    held_out: PairReader | None

    @property
    def too_small(self) -> list[str]:
        """Keys of pairs that some stage leaves out."""
        return sorted({key for dataset in self.datasets for key in dataset.too_small})


def open_inputs(
    config: TrainConfig, stages: Sequence[Stage], world: World, device: str
) -> TrainingInputs:
    """Open and check everything, what is quickest to find missing first.

    Raises
    ------
    DegradeError
        A batch cannot be shared out, TensorBoard is not installed, the initial weights do not
        exist, VGG19's weights, the initial weights or the pairs cannot be used, or a stage's
        networks cannot be made or take more memory than ``device`` has; in this order.
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
    vgg_file = None
    if any(stage.config.needs_features == "vgg19" for stage in stages):
        vgg_file = find_vgg19_weights(config.vgg_weights)
    init = None if config.init is None else read_init(config.init)
    datasets = tuple(
        PairDataset(
            config.pairs,
            hr_patch=stage.config.hr_patch,
            seed=config.seed,
            pool=config.pool,
            kernels=stage.config.needs_kernels,
        )
        for stage in stages
    )
    held_out = None
    if config.validation is not None:
        held_out = open_pairs(config.validation)
        check_held_out(held_out, datasets[0].scale)
    if init is not None:
        check_init(init, stages[0].config, datasets[0].scale)
    for stage in stages:
        check_networks(stage.config, datasets[0].scale)
        check_memory(stage.config, datasets[0].scale, device, world)
    return TrainingInputs(vgg_file, init, datasets, held_out)


def read_init(path: Path) -> Generator:
    """Read a generator for RGB images to start from; InputError where the file holds none."""
    generator = read_network(path)
    if (generator.in_channels, generator.out_channels) != (3, 3):
        channels = f"{generator.in_channels} channels to {generator.out_channels}"
        raise InputError(path, f"a generator from {channels}", "give one for RGB images")
    return generator
