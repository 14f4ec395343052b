"""Folders of pairs, made by the real degradation and the real stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from degrade.degradation import (
    MEASURED,
    DegradationConfig,
    PoolIndex,
    hr_boxes,
    make_pair,
    plan_degradation,
)
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.recipes import without_noise
from degrade.images.image_io import quantise
from degrade.kernels import gaussian_kernel
from degrade.pairs import ShardSpec, create_shard, write_shard_list
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene


def make_pairs(
    folder: Path,
    *,
    format: str = "hdf5",
    scale: int = 4,
    hr_size: int | None = 96,
    sides: tuple[int, ...] = (192, 192, 192),
    run: dict[str, Any] | None = None,
) -> Path:
    """Write one shard of blurred and downsampled scenes and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kernel = gaussian_kernel(13, scale, (1.5, 1.2), 0.3)
    config = DegradationConfig(scale=scale, recipe=without_noise(MEASURED))
    with create_shard(folder, ShardSpec(0, format, scale, hr_size, "test")) as shard:
        for number, side in enumerate(sides):
            scene = quantise(make_scene(f"scene {number}", side, side))
            hr = PreparedImage(scene, scale, kernel.size // 2)
            for part, box in enumerate(hr_boxes(scene.shape, hr_size, scale)):
                key = f"scene-{number}_{part:04d}"
                plan = plan_degradation(
                    key, "0" * 64, box, PoolIndex(("k",)), config, rng=rng_for(0, key)
                )
                shard.add(make_pair(hr, plan, PoolInHand({"k": kernel})))
        shard.commit(sources=[], rejects=[])
    write_shard_list(folder, run if run is not None else {"settings": {"noise": "none"}})
    return folder
