from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation import NoiseChoice, PoolIndex
from degrade.degradation.steps import Quilt, Residual, StepInputs, read_step
from degrade.errors import InvalidValueError
from degrade.noise.quilting import quilt_noise
from degrade.rng import rng_for
from tests.making import PoolInHand

INDEX = PoolIndex((), (NoiseChoice("n1", 16), NoiseChoice("n2", 40)))


def _drawn(lr_shape: tuple[int, int], count: int = 300) -> list[Residual]:
    return [Residual.draw(INDEX, lr_shape, rng_for(0, "residual", i)) for i in range(count)]


def test_draw_places_windows_anywhere_inside() -> None:
    drawn = _drawn((16, 16))
    assert {(r.top, r.left) for r in drawn if r.noise_id == "n1"} == {(0, 0)}
    for side in ("top", "left"):
        places = [getattr(r, side) for r in drawn if r.noise_id == "n2"]
        assert (min(places), max(places)) == (0, 24)
        assert all(type(place) is int for place in places)  # as JSON wants it


def test_draw_never_mirrors() -> None:
    for lr_shape in ((100, 10), (10, 41), (17, 17)):
        for step in _drawn(lr_shape, 50):
            if step.quilt is None:
                assert step.noise_id == "n2" and max(lr_shape) <= 40
                assert 0 <= step.top <= 40 - lr_shape[0] and 0 <= step.left <= 40 - lr_shape[1]
            else:
                assert step.quilt.size < max(lr_shape)


def test_draw_says_that_the_pool_has_no_noise() -> None:
    with pytest.raises(InvalidValueError, match="no noise patch"):
        Residual.draw(PoolIndex(("k",)), (8, 8), rng_for(0))


def test_apply_adds_the_window_in_grey_levels(rng: np.random.Generator) -> None:
    residual = rng.uniform(-0.2, 0.2, (6, 7, 3)).astype(np.float32)
    levels = rng.uniform(-5, 260, (4, 5, 3)).astype(np.float32)
    given = StepInputs(PoolInHand({}, {"n": residual}))
    noisy = Residual("n", 1, 2).apply(levels, given)
    assert noisy.dtype == np.float32
    assert np.array_equal(noisy, levels + residual[1:5, 2:7] * np.float32(255))
    grey = StepInputs(PoolInHand({}, {"n": residual[..., :1]}))
    with pytest.raises(InvalidValueError, match="noise must be of shape"):
        Residual("n", 1, 2).apply(levels, grey)


ONE, OTHER = "a" * 64, "b" * 64
TWO_PHOTOS = PoolIndex(
    (),
    (
        *(NoiseChoice(f"n{number:02}", 16, ONE) for number in range(20)),
        NoiseChoice("big", 40, ONE),
        NoiseChoice("other", 16, OTHER),
    ),
)


def _drawn_of_two(lr_shape: tuple[int, int]) -> list[Residual]:
    return [Residual.draw(TWO_PHOTOS, lr_shape, rng_for(0, "two", i)) for i in range(400)]


def test_draw_sews_patches_of_one_photo_and_size() -> None:
    drawn = _drawn_of_two((64, 50))
    for step in drawn:
        assert step.quilt is not None
        ids = (step.noise_id, *step.quilt.others)
        used = [choice for choice in TWO_PHOTOS.noise if choice.id in ids]
        assert len({choice.photo_sha256 for choice in used}) == 1
        assert {choice.size for choice in used} == {step.quilt.size}
        assert len(used) == len(ids) <= 16
    assert {step.noise_id for step in drawn} == {choice.id for choice in TWO_PHOTOS.noise}
    assert len({step.quilt.seed for step in drawn if step.quilt}) == len(drawn)
    assert read_step(drawn[0].to_json()) == drawn[0]


def test_draw_gives_each_photo_the_same_share() -> None:
    of_other = [step for step in _drawn_of_two((8, 8)) if step.noise_id == "other"]
    assert len(of_other) == pytest.approx(200, abs=40)


def test_apply_adds_sewn_noise_in_grey_levels(rng: np.random.Generator) -> None:
    patches = {name: rng.uniform(-0.1, 0.1, (16, 16, 3)).astype(np.float32) for name in "ab"}
    levels = rng.uniform(0, 255, (30, 44, 3)).astype(np.float32)
    step = Residual("b", 0, 0, Quilt(("a",), 16, 5))
    noisy = step.apply(levels, StepInputs(PoolInHand({}, patches)))
    wanted = quilt_noise([patches["b"], patches["a"]], 30, 44, 5) * np.float32(255)
    assert np.array_equal(noisy, wanted + levels)
    grey = {name: patch[..., :1] for name, patch in patches.items()}
    with pytest.raises(InvalidValueError, match="noise must be of shape"):
        step.apply(levels, StepInputs(PoolInHand({}, grey)))


def test_words_name_the_patches() -> None:
    sewn = Residual("k", 0, 0, Quilt(("l", "m"), 16, 1))
    assert sewn.words() == "noise added, sewn from k and 2 more of 16 px each"
    alone = Residual("k", 0, 0, Quilt((), 32, 1))
    assert alone.words() == "noise added, sewn from k of 32 px each"


def test_json_of_a_window_is_as_it_always_was() -> None:
    window = {"kind": "residual", "noise_id": "n", "top": 1, "left": 2}
    assert Residual("n", 1, 2).to_json() == window


def test_draw_stands_on_the_grid_of_a_photo_that_was_compressed() -> None:
    index = PoolIndex((), (NoiseChoice("n", 64, ONE, jpeg_unit=(3, 10, 8, 16)),))
    drawn = [Residual.draw(index, (16, 24), rng_for(0, "grid", i)) for i in range(200)]
    assert {step.top for step in drawn} == set(range(3, 49, 8))
    assert {step.left for step in drawn} == {10, 26}
    assert drawn[0].photo(index) == ONE
    # Where no window fits so, it stands anywhere.
    small = PoolIndex((), (NoiseChoice("n", 18, ONE, jpeg_unit=(7, 7, 8, 8)),))
    drawn = [Residual.draw(small, (16, 16), rng_for(0, "grid", i)) for i in range(50)]
    assert {step.top for step in drawn} == {0, 1, 2}
