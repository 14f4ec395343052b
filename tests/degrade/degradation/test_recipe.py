from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import (
    RECIPES,
    Entry,
    NoiseChoice,
    PoolIndex,
    Recipe,
    draw_steps,
    read_recipe,
)
from degrade.degradation.recipe_files import recipe_from_toml, recipe_to_toml
from degrade.degradation.recipes import MEASURED, NOISE_SOURCES, with_noise_from
from degrade.degradation.steps import ModelErrorSettings, read_step
from degrade.errors import InvalidValueError
from degrade.rng import rng_for

INDEX = PoolIndex(("k1", "k2"), (NoiseChoice("n1", 64),))
BLUR = {"kind": "blur"}


def drawn(recipe: Recipe, number: int) -> tuple[str, ...]:
    steps = draw_steps(recipe.entries, INDEX, (16, 16), rng_for(0, "drawn", number))
    return tuple(step.kind for step in steps)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_named_recipes_are_read_back_from_toml_and_json(recipe: Recipe) -> None:
    assert recipe_from_toml(recipe_to_toml(recipe)) == recipe
    assert read_recipe(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_step_for_some_kernels_needs_a_recipe_that_draws_kernels() -> None:
    step = {"kind": "response", "kernels": "spectral"}
    assert (
        read_recipe({"steps": [BLUR, step, step]}).entries[1:]
        == (read_recipe({"steps": [BLUR, step]}).entries[1],) * 2
    )
    with pytest.raises(InvalidValueError, match="it has no blur"):
        read_recipe({"steps": [{"kind": "hr-patch"}, {"kind": "lr-size"}, step]})
    of_any = {"kind": "response"}
    assert read_recipe({"steps": [{"kind": "hr-patch"}, {"kind": "lr-size"}, of_any]})


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    shares = st.floats(0, 1)
    sizes = st.builds(ModelErrorSettings, st.floats(0.01, 64), st.floats(0, 4))
    plain = st.builds(Entry, st.sampled_from(["residual", "rounding", "jpeg"]), probability=shares)
    errors = st.builds(Entry, st.just("model-error"), sizes, shares)
    group = st.builds(
        Entry,
        st.just("rounding"),
        probability=st.floats(0, 0.2),
        one_of=st.sampled_from(["a", "the last 'one'\n"]),
    )
    loose = draw(st.lists(plain | errors, max_size=4))
    tied = draw(st.lists(group, max_size=4))
    entries = draw(st.permutations([*loose, *tied]))
    return Recipe(draw(st.text(min_size=1, max_size=100)), (Entry("blur"), *entries))


@settings(max_examples=80, deadline=None)
@given(recipe=recipes(), seed=st.integers(0, 2**32))
def test_recipes_are_read_back_and_their_plans_too(recipe: Recipe, seed: int) -> None:
    assert read_recipe(json.loads(json.dumps(recipe.to_json()))) == recipe
    if recipe.name.isprintable():  # TOML has no half surrogates
        assert recipe_from_toml(recipe_to_toml(recipe)) == recipe
    steps = draw_steps(recipe.without(("jpeg",)).entries, INDEX, (16, 16), rng_for(seed))
    assert tuple(read_step(json.loads(json.dumps(step.to_json()))) for step in steps) == steps
    assert steps[0].kind == "blur"
    assert all(line.isprintable() for line in recipe.lines())


def test_steps_come_as_often_as_their_probabilities_say() -> None:
    recipe = Recipe(
        "r",
        (
            Entry("blur"),
            Entry("rounding", probability=0.3),
            Entry("model-error", probability=0.25, one_of="noise"),
            Entry("residual", probability=0.6, one_of="noise"),
        ),
    )
    counts = Counter(kind for number in range(4000) for kind in drawn(recipe, number))
    shares = {kind: count / 4000 for kind, count in counts.items()}
    assert shares.pop("blur") == 1
    # Four standard errors of a half are 0.032.
    assert shares == pytest.approx(
        {"rounding": 0.3, "model-error": 0.25, "residual": 0.6}, abs=0.032
    )
    both = [k for n in range(500) if len(k := drawn(recipe, n)) == 4]
    assert not both


def test_one_of_a_group_is_drawn_wherever_its_members_stand() -> None:
    early = Entry("rounding", probability=0.5, one_of="when")
    recipe = Recipe("r", (Entry("blur"), early, Entry("model-error"), early))
    orders = Counter(drawn(recipe, number) for number in range(400))
    assert set(orders) == {("blur", "rounding", "model-error"), ("blur", "model-error", "rounding")}
    assert min(orders.values()) > 120


def test_certain_and_impossible_steps_take_no_random_number() -> None:
    never = Entry("rounding", probability=0.0)
    plain = Recipe("r", (Entry("blur"), Entry("model-error"), Entry("residual")))
    with_never = Recipe("r", (Entry("blur"), never, *plain.entries[1:], never))
    for number in range(20):
        rng, other = rng_for(0, number), rng_for(0, number)
        assert draw_steps(plain.entries, INDEX, (9, 9), rng) == draw_steps(
            with_never.entries, INDEX, (9, 9), other
        )
    assert with_never.possible == plain.entries


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "a list of at least 1"),
        ([5], "steps\\[0\\] must be"),
        ([{}], "step 1: .*kind"),
        ([{"kind": 7}], "step 1: kind must be"),
        (
            [BLUR, {"kind": "haze"}],
            r"step 2 \(haze\): there is no step 'haze', only hr-patch, blur",
        ),
        (
            [{**BLUR, "radius": 3}],
            r"step 1 \(blur\): there is no key 'radius', only kind, probability, one_of, spread",
        ),
        ([BLUR, {"kind": "model-error", "bias": 1}], "there is no key 'bias', only kind, .*slope"),
        ([BLUR, {"kind": "model-error", "base": "2"}], r"step 2 \(model-error\): base must be"),
        ([BLUR, {"kind": "model-error", "base": 65}], r"base must be .*64"),
        ([BLUR, {"kind": "model-error", "base": float("nan")}], "base"),
        ([BLUR, {"kind": "model-error", "base": 0, "slope": 0}], "not both 0"),
        (
            [BLUR, {"kind": "rounding", "probability": 1.5}],
            r"step 2 \(rounding\): probability must",
        ),
        ([BLUR, {"kind": "rounding", "probability": True}], "probability must"),
        ([BLUR, {"kind": "rounding", "probability": float("nan")}], "probability"),
        ([BLUR, {"kind": "rounding", "one_of": 3}], r"step 2 \(rounding\): one_of must"),
        ([BLUR, *[{"kind": "rounding", "probability": 0.6, "one_of": "x"}] * 2], "sum to 1.2"),
        ([{"kind": "rounding"}], "begins with the one step that takes HR"),
        ([{"kind": "rounding"}, BLUR], "begins with the one step"),
        ([BLUR, BLUR], "begins with the one step"),
        ([{**BLUR, "probability": 0.5}], "begins with the one step"),
        ([BLUR, *[{"kind": "rounding"}] * 64], "64 steps at most"),
        ([{"kind": "hr-patch"}], "one step that makes the size of LR"),
        ([{"kind": "hr-patch"}, {"kind": "lr-size", "probability": 0.5}], "the size of LR"),
        ([{"kind": "hr-patch"}, {"kind": "lr-size"}, {"kind": "lr-size"}], "the size of LR"),
        ([BLUR, {"kind": "lr-size"}], "one step that makes the size of LR"),
        ([{"kind": "lr-size"}, {"kind": "hr-patch"}], "begins with the one step"),
    ],
)
def test_read_recipe_names_the_step_and_the_key(steps: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        read_recipe({"steps": steps})


def test_read_recipe_refuses_other_keys() -> None:
    with pytest.raises(InvalidValueError, match="'seed'"):
        read_recipe({"steps": [BLUR], "seed": 3})
    with pytest.raises(InvalidValueError, match="name must be"):
        read_recipe({"steps": [BLUR], "name": ""})
    with pytest.raises(InvalidValueError):
        read_recipe([])  # type: ignore[arg-type]


def test_two_ways_to_make_lr_may_share_the_place() -> None:
    half = {**BLUR, "probability": 0.5, "one_of": "blur"}
    assert drawn(read_recipe({"steps": [half, half]}), 0) == ("blur",)


def test_entries_have_the_settings_of_their_step() -> None:
    assert Entry("model-error").settings == ModelErrorSettings()
    with pytest.raises(InvalidValueError, match="no such settings"):
        Entry("blur", ModelErrorSettings())
    with pytest.raises(InvalidValueError, match="probability must be in 0…1"):
        Entry("blur", probability=2.0)


def test_lines_say_a_group_in_one_line() -> None:
    a, b = (Entry("rounding", probability=p, one_of="end") for p in (0.25, 0.5))
    recipe = Recipe("r", (Entry("blur"), a, b, Entry("jpeg", probability=0.0)))
    first, group, never = recipe.lines()
    assert first.startswith("always blur: ")
    assert group == "one end of: 75 % rounding"
    assert never.startswith("never jpeg: ")
    _, title, *members, _ = recipe.lines(whole=True)
    assert title == "one end of:" and [line.split(":")[0] for line in members] == [
        "  25 % rounding",
        "  50 % rounding",
    ]


def test_noise_from_another_source_is_as_likely_and_in_the_same_place() -> None:
    recipe = MEASURED.having(Entry("residual", probability=0.5))
    for source, kind in NOISE_SOURCES.items():
        changed = with_noise_from(recipe, source)
        kinds = [entry.kind for entry in changed.entries]
        assert kinds == ["blur", "linear-light", "response", "model-error", kind, "jpeg"]
        assert changed.entries[4].probability == 0.5
        assert with_noise_from(changed, "patches") == recipe
    without = MEASURED.without(("residual",))
    assert with_noise_from(without, "model") == without
