from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest

from degrade.degradation import PoolIndex
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.steps import NO_LEVELS, Blur, BlurSettings, StepInputs, read_step
from degrade.errors import InvalidValueError
from degrade.kernels import gaussian_kernel
from degrade.kernels.estimates import error_energy
from degrade.kernels.stretching import stretch_by_error
from degrade.rng import rng_for
from tests.making import PoolInHand


def test_draw_gives_every_kernel_its_turn() -> None:
    index = PoolIndex(("a", "b", "c"))
    drawn = {Blur.draw(index, (8, 8), rng_for(0, number)).kernel_id for number in range(50)}
    assert drawn == {"a", "b", "c"}
    with pytest.raises(InvalidValueError, match="no kernel of this scale"):
        Blur.draw(PoolIndex(()), (8, 8), rng_for(0))


def test_apply_downsamples_the_patch_with_the_kernel(rng: np.random.Generator) -> None:
    kernel = gaussian_kernel(7, 2, (1.2, 0.8))
    hr = PreparedImage(rng.integers(0, 256, (20, 24, 3), np.uint8), 2, kernel.size // 2)
    given = StepInputs(PoolInHand({"k": kernel}), hr, (2, 4, 8, 12))
    blur = Blur("k")
    lr = blur.apply(NO_LEVELS, given)
    assert np.array_equal(lr, hr.downsample(kernel, (2, 4, 8, 12)))
    assert blur.reach(given.pool, 2) == 3
    with pytest.raises(InvalidValueError, match="applied first"):
        blur.apply(lr, given)


def test_draw_spreads_widths_by_the_kernels_own_doubt() -> None:
    sure, unsure = 60.0, 40.0
    index = PoolIndex(("a", "b", "c"), kernel_kpsnr={"a": sure, "b": unsure})
    spread = BlurSettings(spread=True)
    drawn = [spread.draw(index, (8, 8), rng_for(0, "spread", number)) for number in range(900)]
    errors = {key: [s.width_error for s in drawn if s.kernel_id == key] for key in "abc"}
    assert set(errors["c"]) == {None}  # nothing is known of it
    for key, kpsnr in (("a", sure), ("b", unsure)):
        wanted = (error_energy(kpsnr) / 2) ** 0.5
        assert np.std(errors[key]) == pytest.approx(wanted, rel=0.15)
        assert abs(np.mean(errors[key])) < 0.25 * wanted
    for step in drawn[:20]:
        assert read_step(step.to_json()) == step
    for plain in (Blur("a"), pickle.loads(pickle.dumps(Blur("a")))):
        assert plain.to_json() == {"kind": "blur", "kernel_id": "a"}


def test_apply_uses_the_wider_kernel_and_says_so(rng: np.random.Generator) -> None:
    kernel = gaussian_kernel(7, 2, (1.2, 0.8))
    pool = PoolInHand({"k": kernel})
    wider = Blur("k", 0.05)
    assert wider.read_kernel(pool).size // 2 == wider.reach(pool, 2) > 3
    hr = PreparedImage(rng.integers(0, 256, (20, 24, 3), np.uint8), 2, wider.reach(pool, 2))
    given = StepInputs(pool, hr, (2, 4, 8, 12))
    lr = wider.apply(NO_LEVELS, given)
    assert np.array_equal(lr, hr.downsample(stretch_by_error(kernel, 0.05), (2, 4, 8, 12)))
    assert np.ptp(lr) < np.ptp(Blur("k").apply(NO_LEVELS, given))
    assert wider.words().endswith("kernel k, made wider by its doubt")
    assert Blur("k", -0.05).words().endswith("made narrower by its doubt")


def test_draw_gives_the_regions_of_a_photo_the_chance_of_one_kernel() -> None:
    regions = {f"r{number}": "divided" for number in range(9)}
    index = PoolIndex(("a", *regions, "z"), kernel_photos=regions)
    assert [len(group) for group in index.kernels_by_photo] == [1, 9, 1]
    drawn = Counter(
        BlurSettings().draw(index, (8, 8), rng_for(0, "regions", number)).kernel_id
        for number in range(3000)
    )
    assert set(drawn) == set(index.kernel_ids)
    share = sum(count for key, count in drawn.items() if key in regions) / drawn.total()
    # 3.5 standard deviations of a share of a third
    assert share == pytest.approx(1 / 3, abs=3.5 * (2 / 9 / 3000) ** 0.5)
    assert drawn["a"] / 3000 == pytest.approx(1 / 3, abs=3.5 * (2 / 9 / 3000) ** 0.5)
    assert min(drawn[key] for key in regions) > 70


def test_draw_draws_the_same_where_no_photo_is_divided() -> None:
    keys = tuple("abcdefg")
    for number in range(50):
        once = BlurSettings().draw(PoolIndex(keys), (8, 8), rng_for(0, "k", number))
        assert once.kernel_id == keys[rng_for(0, "k", number).integers(len(keys))]
        own = PoolIndex(keys, kernel_photos={"b": "alone"})
        assert BlurSettings().draw(own, (8, 8), rng_for(0, "k", number)) == once


def test_draw_gives_the_matched_regions_of_a_photo_the_chance_of_one_kernel() -> None:
    regions = {f"r{number}": "divided" for number in range(9)}
    index = PoolIndex((), matched_ids=("a", *regions), kernel_photos=regions)
    settings = BlurSettings(kernels="matched")
    drawn = [settings.draw(index, (8, 8), rng_for(0, "m", n)).kernel_id for n in range(2000)]
    assert drawn.count("a") / 2000 == pytest.approx(1 / 2, abs=3.5 * (1 / 4 / 2000) ** 0.5)
