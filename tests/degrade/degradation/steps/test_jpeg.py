from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from degrade.degradation import Measured, NoiseChoice, PoolIndex
from degrade.degradation.steps import (
    Blur,
    Jpeg,
    JpegChoice,
    Residual,
    Step,
    StepInputs,
    read_step,
)
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.jpeg.compression import recompressed
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene


def _measured(number: int, quality: int, **changes: Any) -> Measured:
    settings = JpegSettings(*standard_tables(quality), "4:2:0")
    values = {"format": "jpeg", "quality": quality, **msgspec.to_builtins(settings), **changes}
    return Measured(f"{number:064x}", values)


INDEX = PoolIndex(
    ("k",),
    measured={
        "jpeg": (
            _measured(0, 60),
            _measured(1, 90),
            Measured("2" * 64, {"format": "png"}),
            _measured(3, 30, chroma=None),
            _measured(4, 30, subsampling="4:1:1"),
            _measured(5, 30, luma=[300] * 64),
        )
    },
)


def _drawn(count: int = 40) -> list[Jpeg]:
    return [Jpeg.draw(INDEX, (8, 8), rng_for(0, "jpeg", i)) for i in range(count)]


def test_draw_takes_the_tables_of_a_photo_whose_compression_can_be_imitated() -> None:
    assert {step.luma for step in _drawn()} == {standard_tables(q)[0] for q in (60, 90)}
    assert all(step.chroma == standard_tables(60)[1] for step in _drawn() if step.luma[0] > 8)
    step = _drawn()[0]
    assert read_step(step.to_json()) == step


@pytest.mark.parametrize("measured", [{}, {"jpeg": INDEX.measured["jpeg"][2:]}])
def test_draw_says_that_no_photo_can_be_imitated(measured: Any) -> None:
    with pytest.raises(InvalidValueError, match="no photo of the pool is a JPEG file"):
        Jpeg.draw(PoolIndex(("k",), measured=measured), (8, 8), rng_for(0))


def test_apply_rounds_clips_and_compresses() -> None:
    levels = 280 * make_scene("lr", 33, 50) - 10
    before = levels.copy()
    step = Jpeg(*standard_tables(70), "4:2:0")
    result = step.apply(levels, StepInputs(PoolInHand()))
    pixels = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    wanted = recompressed(pixels, JpegSettings(*standard_tables(70), "4:2:0"))
    assert result.dtype == np.float32 and np.array_equal(result, wanted)
    assert np.array_equal(levels, before)


def test_apply_leaves_a_photo_that_was_turned_since_as_its_compression_left_it() -> None:
    lying = 255 * make_scene("turned", 64, 96)
    given = StepInputs(PoolInHand())
    step = Jpeg(*standard_tables(50), "4:2:2", turned=True)
    seen = msgspec.structs.replace(step, turned=False).apply(lying, given).swapaxes(0, 1)
    again = step.apply(seen, given)
    assert again.flags.c_contiguous
    other = msgspec.structs.replace(step, turned=False).apply(seen, given)
    assert np.abs(again - seen).mean() < 0.25 * np.abs(other - seen).mean()


def test_draw_takes_photos_that_were_turned_as_they_are() -> None:
    for found in (
        _measured(0, 80, turned=True),
        Measured("0" * 64, {"format": "png", "pixels": dict(_measured(0, 80, turned=True).values)}),
    ):
        index = PoolIndex((), measured={"jpeg": (found,)})
        step = Jpeg.draw(index, (8, 8), rng_for(0))
        assert step == Jpeg(*standard_tables(80), "4:2:0", turned=True)
        assert read_step(step.to_json()) == step
        near = JpegChoice(neighbours=2).draw(index, (8, 8), rng_for(0))
        assert near.turned
    assert "turned" not in Jpeg(*standard_tables(80), "4:2:0").to_json()


def test_words_name_the_quality_where_there_is_one() -> None:
    assert Jpeg(*standard_tables(87), "4:2:2").words() == (
        "compressed as JPEG at libjpeg's quality 87, 4:2:2"
    )
    turned = Jpeg(*standard_tables(87), "4:2:2", turned=True)
    assert turned.words() == "compressed as JPEG at libjpeg's quality 87, 4:2:2, lying on its side"
    own = Jpeg((3,) * 64, (4,) * 64, "4:4:4")
    assert own.words() == "compressed as JPEG with a camera's own tables, 4:4:4"


@pytest.mark.parametrize("luma", [[1] * 63, [0] * 64, [1.5] * 64, "x"])
def test_read_step_refuses_other_tables(luma: Any) -> None:
    data = Jpeg(*standard_tables(70), "4:2:0").to_json() | {"luma": luma}
    with pytest.raises(CorruptDataError, match="luma"):
        read_step(data)


def test_draw_takes_neighbours_of_a_photos_quality() -> None:
    index = PoolIndex((), measured={"jpeg": (_measured(0, 80),)})
    drawn = [
        JpegChoice(neighbours=2).draw(index, (8, 8), rng_for(0, "near", n)) for n in range(100)
    ]
    assert {step.luma for step in drawn} == {standard_tables(q)[0] for q in range(78, 83)}
    assert {step.subsampling for step in drawn} == {"4:2:0"}


def test_draw_takes_a_quality_of_libjpeg_without_a_photo() -> None:
    choice = JpegChoice((30, 33), "4:4:4")
    drawn = [choice.draw(PoolIndex(()), (8, 8), rng_for(0, "any", n)) for n in range(100)]
    assert {step.luma for step in drawn} == {standard_tables(q)[0] for q in range(30, 34)}
    assert {step.subsampling for step in drawn} == {"4:4:4"}
    with pytest.raises(InvalidValueError, match="quality must be a lowest and a highest"):
        JpegChoice((80, 70))


def test_behind_noise_it_takes_the_tables_of_the_photo_that_the_noise_is_of() -> None:
    noise = (NoiseChoice("own", 32, f"{1:064x}"), NoiseChoice("png", 32, "2" * 64))
    index = PoolIndex(("k",), noise, INDEX.measured)
    drawn = Jpeg.draw(index, (8, 8), rng_for(0, "jpeg", 0))

    def behind(choice: JpegChoice, *earlier: Step) -> Step | None:
        return choice.behind(drawn, [Blur("k"), *earlier], index, "k")

    own = Residual("own", 0, 0)
    assert behind(JpegChoice(), own) == Jpeg(*standard_tables(90), "4:2:0")
    assert behind(JpegChoice(), Residual("png", 0, 0)) == drawn == behind(JpegChoice())
    for choice in (JpegChoice((30, 40)), JpegChoice(neighbours=2)):
        assert behind(choice, own) == drawn
    assert Jpeg.photos(index) == {f"{0:064x}", f"{1:064x}"}


def test_noise_on_its_own_grid_passes_its_own_compression_unchanged() -> None:
    settings = JpegSettings(*standard_tables(85), "4:2:0")
    grain = rng_for(0, "grain").normal(120, 3, (112, 112, 3))
    photo = recompressed(np.rint(grain).astype(np.uint8), settings).astype(np.float32)
    residual = (photo - photo.mean(axis=(0, 1))) / np.float32(255)
    given = StepInputs(PoolInHand({}, {"n": residual}))
    flat = np.full((64, 64, 3), 128, np.float32)
    step = Jpeg(settings.luma, settings.chroma, "4:2:0")  # type: ignore[arg-type]

    def taken(top: int) -> float:
        noisy = Residual("n", top, 16).apply(flat, given)
        return float((step.apply(noisy, given) - noisy).std())

    assert taken(16) < 0.4 < 0.9 < min(taken(8 + 3), taken(5))
