"""What plans draw of the camera that their kernel is of."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import (
    MEASURED,
    RECIPES,
    DegradationConfig,
    DegradationPlan,
    Measured,
    NoiseChoice,
    PoolIndex,
    draw_steps,
    plan_degradation,
    read_recipe,
)
from degrade.degradation.recipe_files import recipe_from_toml, recipe_to_toml
from degrade.degradation.recipes import (
    NOISE_SOURCES,
    of_photos,
    recipe_of_run,
    with_noise_from,
    with_step,
)
from degrade.degradation.steps import Jpeg, Residual, ScaledResidual, Sharpening
from degrade.errors import InvalidValueError
from degrade.jpeg.tables import standard_tables
from degrade.noise.statistics import measure_noise
from degrade.rng import rng_for
from tests.degrade.noise.planted import noisy_photo

Sets = tuple[str, ...]
UNKNOWN: Sets = ("no camera named",)


@functools.cache
def _noise(times: int) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(measure_noise(noisy_photo(f"{times}", times=times)))
    return found


def make_index(photos: dict[str, Sets], loud: frozenset[str] = frozenset()) -> PoolIndex:
    """Return an index whose photos have a kernel, a patch, a model, JPEG tables and sharpening.

    Which camera they are of shows in all of it: patches by their size, models by their strength,
    tables by their quality, sharpening by its radius.
    """
    cameras = sorted({sets[-1] for sets in photos.values()})
    number = {photo: 1 + cameras.index(sets[-1]) for photo, sets in photos.items()}
    measured: dict[str, list[Measured]] = {"noise-model": [], "jpeg": [], "sharpening": []}
    for photo, own in number.items():
        luma, chroma = standard_tables(50 + own)
        tables = {"luma": list(luma), "chroma": list(chroma), "subsampling": "4:2:0"}
        sharpened = {"sharpened": True, "amount": 0.5, "radius": float(own)}
        measured["noise-model"].append(Measured(photo, _noise(own if photo not in loud else 9)))
        measured["jpeg"].append(Measured(photo, tables))
        measured["sharpening"].append(Measured(photo, sharpened))
    return PoolIndex(
        tuple(f"kernel {photo}" for photo in photos),
        tuple(NoiseChoice(f"noise {photo}", 40 + number[photo], photo) for photo in photos),
        {kind: tuple(found) for kind, found in measured.items()},
        kernel_sources={f"kernel {photo}": photo for photo in photos},
        cameras=photos,
    )


def config_of(source: str = "patches", of: str = "camera") -> DegradationConfig:
    recipe = with_noise_from(MEASURED, source)
    data = with_step(with_step(recipe, "sharpening"), "jpeg").to_json()
    for step in data["steps"]:
        if step["kind"] == "sharpening":
            step["measured"] = True
        if "of" in step:
            step["of"] = of
    return DegradationConfig(scale=2, recipe=read_recipe(data))


def plan_of(index: PoolIndex, number: int, config: DegradationConfig) -> DegradationPlan:
    rng = rng_for(0, "pairs", number)
    return plan_degradation(f"p{number}", "s", (0, 0, 32, 40), index, config, rng=rng)


def photos_of(plan: DegradationPlan, index: PoolIndex) -> list[str]:
    """Return the photo of the kernel, then of all that is told to be of one."""
    noise = [s.noise_id for s in plan.steps if isinstance(s, Residual | ScaledResidual)]
    return [str(plan.kernel_id).removeprefix("kernel "), *(n.removeprefix("noise ") for n in noise)]


names = st.sampled_from(["A", "B", "C"])
photos = st.dictionaries(
    st.text("0123456789abcdef", min_size=4, max_size=4),
    st.builds(
        lambda name, iso: (f"{name}, ISO {iso}", f"{name}, ISO low", name),
        names,
        st.sampled_from([100, 200]),
    )
    | st.just(UNKNOWN),
    min_size=1,
    max_size=24,
)


@settings(max_examples=60, deadline=None)
@given(photos=photos, source=st.sampled_from(sorted(NOISE_SOURCES)), seed=st.integers(0, 2**32))
def test_no_plan_mixes_cameras_and_order_does_not_matter(
    photos: dict[str, Sets], source: str, seed: int
) -> None:
    index = make_index(photos)
    turned = make_index(dict(reversed(photos.items())))
    cameras = sorted({sets[-1] for sets in photos.values()})
    counts = Counter(name for sets in photos.values() for name in sets)
    for number in range(seed, seed + 6):
        plan = plan_of(index, number, config_of(source))
        assert plan == plan_of(turned, number, config_of(source))
        of, *others = photos_of(plan, index)
        camera = photos[of][-1]
        assert {photos[photo][-1] for photo in others} <= {camera}
        own = 1 + cameras.index(camera)
        for step in plan.steps:
            if isinstance(step, Jpeg):
                assert step.luma == standard_tables(50 + own)[0]
            if isinstance(step, Sharpening):
                assert step.radius == own
        wanted = next((name for name in photos[of][:-1] if counts[name] >= 4), camera)
        assert all(wanted in photos[photo] for photo in others)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 12),
    sets=st.sampled_from([UNKNOWN, ("A, ISO 100", "A, ISO low", "A")]),
    source=st.sampled_from(sorted(NOISE_SOURCES)),
)
def test_a_pool_of_one_camera_gives_the_plans_that_it_always_gave(
    count: int, sets: Sets, source: str
) -> None:
    index = make_index({f"{number:04}": sets for number in range(count)}, frozenset({"0001"}))
    before = replace(index, kernel_sources={}, cameras={})
    for number in range(8):
        plan = plan_of(index, number, config_of(source))
        assert plan == plan_of(before, number, config_of(source, "pool"))
        assert plan == plan_of(index, number, config_of(source, "pool"))


def test_noise_of_all_of_a_camera_is_drawn_until_a_setting_has_four_photos() -> None:
    low, high = ("A, ISO 100", "A, ISO low", "A"), ("A, ISO 3200", "A, ISO high", "A")
    photos = {f"l{n}": low for n in range(4)} | {f"h{n}": high for n in range(3)}
    index = make_index(photos)
    sets = [index.camera_set(f"kernel {p}", "residual", Residual.photos) for p in ("l0", "h0")]
    assert sets == ["A, ISO 100", "A"]
    drawn = {
        photo for n in range(300) for photo in photos_of(plan_of(index, n, config_of()), index)
    }
    assert drawn == set(photos)


def test_jpeg_by_setting_of_iso_keeps_the_chance_of_every_photo_of_the_camera() -> None:
    """What a camera's tables are does not change by it; only whose noise they stand with."""
    counts = {100: 4, 200: 9, 800: 5, 3200: 6}
    photos = {
        f"{iso}-{number}": (f"A, ISO {iso}", f"A, ISO {'high' if iso > 800 else 'low'}", "A")
        for iso, count in counts.items()
        for number in range(count)
    }
    index, chance = make_index(photos), Counter[str]()
    for photo in photos:
        of_set = index.of_camera(f"kernel {photo}", Jpeg.kind, Jpeg.photos)
        drawn = sorted(Jpeg.photos(of_set))
        assert {photos[other] for other in drawn} == {photos[photo]}
        chance.update({other: 1 / len(drawn) for other in drawn})
    assert chance == pytest.approx(dict.fromkeys(photos, 1.0))


@pytest.mark.parametrize("source", sorted(NOISE_SOURCES))
def test_a_camera_without_noise_is_given_that_of_the_pool(source: str) -> None:
    photos = {"a0": ("A",), "a1": ("A",), "b0": ("B",), "b1": ("B",)}
    whole = make_index(photos)
    found = {kind: found[2:] for kind, found in whole.measured.items()}
    index = replace(whole, noise=whole.noise[2:], measured=found)
    drawn = [plan_of(index, number, config_of(source)) for number in range(60)]
    for plan in drawn:
        _, *noise = photos_of(plan, index)
        assert all(each in ("b0", "b1") for each in noise)
    assert {photos_of(plan, index)[0] for plan in drawn} == set(photos)


def test_a_kernel_of_no_photo_is_given_noise_of_the_pool() -> None:
    index = make_index({"a0": ("A",), "b0": ("B",)})
    index = replace(index, kernel_ids=("imported",))
    noise = {photos_of(plan_of(index, n, config_of()), index)[1] for n in range(40)}
    assert noise == {"a0", "b0"}


def test_scaled_noise_is_of_photos_that_have_patches_and_a_model() -> None:
    whole = make_index({f"{camera}{n}": (camera,) for camera in "AB" for n in range(2)})
    found = {**whole.measured, "noise-model": whole.measured["noise-model"][2:]}
    index = replace(whole, measured=found)
    for number in range(40):  # A has patches, and no model
        assert photos_of(plan_of(index, number, config_of("scaled")), index)[1][0] == "B"


def test_steps_that_are_left_to_training_know_the_kernel_of_their_plan() -> None:
    photos = {"a0": ("A",), "b0": ("B",)}
    index = make_index(photos)
    later = replace(config_of(), defers_noise=True).deferred_entries
    for number in range(20):
        for photo in photos:
            steps = draw_steps(later, index, (8, 8), rng_for(number), kernel_id=f"kernel {photo}")
            (noise,) = (step for step in steps if isinstance(step, Residual))
            assert noise.noise_id == f"noise {photo}"


def test_sets_are_put_together_once() -> None:
    index = make_index({f"{n:04}": ("A" if n % 2 else "B",) for n in range(8)})
    first = index.of_camera("kernel 0001", "residual", Residual.photos)
    assert first is index.of_camera("kernel 0003", "residual", Residual.photos)
    assert [choice.photo_sha256 for choice in first.noise] == ["0001", "0003", "0005", "0007"]

    def refuse(_index: PoolIndex) -> set[str]:
        raise AssertionError

    assert index.of_camera("kernel 0001", "residual", refuse) is first


def test_recipes_say_of_whom_and_those_that_do_not_are_of_the_pool() -> None:
    text = recipe_to_toml(MEASURED)
    assert 'kind = "residual", of = "camera"' in text and recipe_from_toml(text) == MEASURED
    assert "noise of a photo of the kernel's camera, each as likely" in MEASURED.lines()[4]
    older = {"name": "measured", "steps": [{"kind": "blur", "spread": False}, {"kind": "residual"}]}
    assert read_recipe(older).to_json() == older
    (_, noise) = read_recipe(older).entries
    assert "noise of a photo of the pool" in noise.words() and noise.draws_from == ()
    assert "of" not in str(recipe_of_run({"noise": "bake", "model_error": "none"}).to_json())
    with pytest.raises(InvalidValueError, match="of must be"):
        read_recipe({**older, "steps": [{"kind": "blur"}, {"kind": "residual", "of": "lens"}]})


@pytest.mark.parametrize("name", ["measured", "measured+spread"])
@pytest.mark.parametrize("source", sorted(NOISE_SOURCES))
def test_noise_of_another_source_and_jpeg_are_of_the_same_photos(name: str, source: str) -> None:
    for recipe, of in ((RECIPES[name], "camera"), (of_photos(RECIPES[name], "pool"), "pool")):
        data = with_step(with_noise_from(recipe, source), "jpeg").to_json()
        whose = {step["kind"]: step.get("of") for step in data["steps"]}
        assert whose[NOISE_SOURCES[source]] == whose["jpeg"] == of


def test_noise_of_another_source_is_of_the_photos_that_the_recipe_says_of_it() -> None:
    def whose(patches: str | None, model: str | None) -> str | None:
        steps = [{"kind": "blur"}, {"kind": "residual"}, {"kind": "noise-model", "probability": 0}]
        for step, of in zip(steps[1:], (patches, model), strict=True):
            step.update({} if of is None else {"of": of})
        data = with_noise_from(read_recipe({"name": "x", "steps": steps}), "model").to_json()
        found: str | None = data["steps"][1].get("of")
        return found

    assert whose("camera", "pool") == whose("pool", "pool") == whose(None, "pool") == "pool"
    assert whose(None, "camera") == whose("pool", "camera") == whose("camera", None) == "camera"
    assert whose(None, None) is None
