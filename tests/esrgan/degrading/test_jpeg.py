"""JPEG on tensors is what the encoder and the decoder of files make, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.arrays import U8Array
from degrade.degradation.steps import Jpeg, StepInputs
from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise
from degrade.jpeg.compression import recompressed as through_file
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.rng import rng_for
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.jpeg import jpeg, recompressed
from tests.making import PoolInHand, make_scene

SIZES = ((32, 32), (33, 31), (17, 40), (24, 24), (16, 4), (5, 3), (1, 1))
"""Whole blocks, parts of blocks, halves of two-by-two blocks, and so narrow that colours repeat."""

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


def pictures(height: int, width: int) -> list[U8Array]:
    """Return a scene, levels at random, and black and white at random: the largest contrasts."""
    rng = rng_for(0, "pictures", height, width)
    levels = rng.integers(0, 256, (height, width, 3), np.uint8)
    scene = quantise(make_scene("jpeg", 40, 40))[:height, :width]
    return [scene, levels, (levels > 127).astype(np.uint8) * np.uint8(255)]


def assert_equal(images: list[U8Array], settings: list[JpegSettings]) -> None:
    found = recompressed(torch.from_numpy(np.stack(images)), settings)
    wanted = [through_file(*both) for both in zip(images, settings, strict=True)]
    assert np.array_equal(found.numpy(), np.stack(wanted))


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("size", SIZES)
def test_recompressed_equals_libjpeg_at_all_qualities(
    size: tuple[int, int], subsampling: str
) -> None:
    both = [
        (image, JpegSettings(*standard_tables(quality), subsampling))  # type: ignore[arg-type]
        for quality in range(1, 101)
        for image in pictures(*size)
    ]
    assert_equal([image for image, _ in both], [settings for _, settings in both])


def test_recompressed_equals_libjpeg_with_any_tables_in_one_batch() -> None:
    rng, images, settings = rng_for(0, "tables"), [], []
    for number in range(60):
        luma, chroma = (tuple(rng.integers(1, 256, 64).tolist()) for _ in range(2))
        settings.append(JpegSettings(luma, chroma, SUBSAMPLINGS[number % 3]))  # type: ignore[arg-type]
        images.append(pictures(26, 35)[number // 3 % 3])
    assert_equal(images, settings)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_jpeg_compresses_lying_on_its_side_what_was_turned_since(subsampling: str) -> None:
    tables = standard_tables(40)
    steps = [Jpeg(*tables, subsampling, turned) for turned in (True, False, True)]  # type: ignore[arg-type]
    levels = [image.astype(np.float32) for image in pictures(26, 35)]
    given, nothing = StepInputs(PoolInHand()), torch.empty((3, 0, 0, 3), dtype=torch.uint8)
    inputs = BatchInputs(PoolInHand(), nothing, 0, 2)
    found = jpeg(torch.from_numpy(np.stack(levels)), steps, inputs)
    wanted = [step.apply(image, given) for step, image in zip(steps, levels, strict=True)]
    assert np.array_equal(found.numpy(), np.stack(wanted))


def test_recompressed_refuses_what_no_encoder_makes() -> None:
    luma, chroma = standard_tables(80)
    image = torch.zeros((1, 8, 8, 3), dtype=torch.uint8)
    for settings, words in (
        (JpegSettings(luma, None, "4:4:4"), "without luma and chroma"),
        (JpegSettings(luma, chroma, "4:1:1"), "cannot compress as 4:1:1"),
        (JpegSettings((300,) * 64, chroma, "4:2:0"), "steps above 255"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            recompressed(image, [settings])
