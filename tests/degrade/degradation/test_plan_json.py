from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import DegradationPlan
from degrade.degradation.steps import Blur, Residual, Rounding
from degrade.errors import CorruptDataError

ids = st.text(min_size=1, max_size=20)
sides = st.integers(0, 2**53)
noises = st.builds(Residual, noise_id=ids, top=sides, left=sides)
plans = st.builds(
    DegradationPlan,
    key=ids,
    source_sha256=ids,
    clean_up=st.sampled_from([1, 2]),
    hr_box=st.tuples(sides, sides, sides, sides),
    scale=st.integers(2, 16),
    steps=st.builds(
        lambda kernel_id, coarse, further: (Blur(kernel_id, coarse=coarse), *further),
        ids,
        st.booleans(),
        st.lists(noises | st.builds(Rounding), max_size=4),
    ),
)
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from([10**400, float("nan"), float("inf"), -1, 1.0, "", "blur"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

OLD: dict[str, Any] = {
    "key": "p",
    "source_sha256": "s",
    "clean_up": 1,
    "hr_box": [0, 4, 8, 6],
    "scale": 2,
    "kernel_id": "k",
    "noise_id": "n",
    "noise_origin": [1, 2],
}
GOOD = DegradationPlan(
    key="p",
    source_sha256="s",
    clean_up=1,
    hr_box=(0, 4, 8, 6),
    scale=2,
    steps=(Blur("k"), Residual("n", 1, 2)),
)


@settings(deadline=None)
@given(plans)
def test_plan_json_round_trips(plan: DegradationPlan) -> None:
    text = json.dumps(plan.to_json(), allow_nan=False)
    again = DegradationPlan.from_json(json.loads(text))
    assert again == plan
    assert json.dumps(again.to_json()) == text


@given(plans, st.integers(2, 16))
def test_plan_of_version_1_gives_the_same_plan(plan: DegradationPlan, scale: int) -> None:
    noise = next((step for step in plan.steps if isinstance(step, Residual)), None)
    # Its kernels were rounded more.
    first = msgspec.structs.replace(plan.steps[0], coarse=True)
    steps = (first,) if noise is None else (first, noise)
    old = {
        "key": plan.key,
        "source_sha256": plan.source_sha256,
        "clean_up": plan.clean_up,
        "hr_box": list(plan.hr_box),
        "scale": scale,
        "kernel_id": plan.kernel_id,
        "noise_id": None if noise is None else noise.noise_id,
        "noise_origin": None if noise is None else [noise.top, noise.left],
    }
    read = DegradationPlan.from_json(json.loads(json.dumps(old)))
    assert read.steps == steps and read.scale == scale
    assert (read.key, read.source_sha256, read.hr_box) == (
        plan.key,
        plan.source_sha256,
        plan.hr_box,
    )


def test_version_3_is_written_like_this() -> None:
    assert GOOD.to_json() == {
        "version": 3,
        "key": "p",
        "source_sha256": "s",
        "clean_up": 1,
        "hr_box": [0, 4, 8, 6],
        "scale": [2, 1],
        "steps": [
            {"kind": "blur", "kernel_id": "k"},
            {"kind": "residual", "noise_id": "n", "top": 1, "left": 2},
        ],
    }


def test_plans_of_earlier_versions_keep_their_coarse_kernels() -> None:
    before = replace(GOOD, steps=(Blur("k", coarse=True), *GOOD.steps[1:]))
    assert DegradationPlan.from_json(OLD) == before
    assert DegradationPlan.from_json({**GOOD.to_json(), "version": 2}) == before
    written = before.to_json()
    assert written["steps"][0] == {"kind": "blur", "kernel_id": "k", "coarse": True}
    assert DegradationPlan.from_json(written) == before


@settings(deadline=None)
@given(plans, st.data())
def test_plan_from_json_never_trusts(plan: DegradationPlan, data: st.DataObject) -> None:
    """Whatever stands in a field, the result is a plan or a CorruptDataError of one line."""
    values: dict[str, Any] = data.draw(
        st.sampled_from([json.loads(json.dumps(plan.to_json())), json.loads(json.dumps(OLD))])
    )
    places = [values, *(step for step in values.get("steps", []))]
    target = data.draw(st.sampled_from(places))
    target[data.draw(st.sampled_from(sorted(target)) | st.text(st.characters(codec=None)))] = (
        data.draw(junk)
    )
    try:
        again = DegradationPlan.from_json(values)
    except CorruptDataError as error:
        assert str(error).isprintable() and len(str(error)) < 400
        return
    assert DegradationPlan.from_json(json.loads(json.dumps(again.to_json()))) == again


@pytest.mark.parametrize("good", [OLD, GOOD.to_json()], ids=["version 1", "version 3"])
def test_plan_from_json_refuses_missing_fields(good: dict[str, Any]) -> None:
    for field in set(good) - {"version"}:
        with pytest.raises(CorruptDataError, match=f"not a degradation plan.*{field}"):
            DegradationPlan.from_json({k: v for k, v in good.items() if k != field})


WRONG_IN_BOTH: list[tuple[dict[str, Any], str]] = [
    ({"key": ""}, "key"),
    ({"key": 5}, "key"),
    ({"key": None}, "key"),
    ({"source_sha256": []}, "source_sha256"),
    ({"clean_up": 0}, "clean_up"),
    ({"clean_up": True}, "clean_up"),
    ({"clean_up": 1.0}, "clean_up"),
    ({"clean_up": float("nan")}, "clean_up"),
    ({"clean_up": 10**400}, "clean_up"),
    ({"hr_box": [0, 0, 4]}, "hr_box"),
    ({"hr_box": [0, 0, 4, 4, 4]}, "hr_box"),
    ({"hr_box": [0, 0, 4, -4]}, r"hr_box\[3\]"),
    ({"hr_box": [0, 0, 4, 4.0]}, r"hr_box\[3\]"),
    ({"hr_box": [0, False, 4, 4]}, r"hr_box\[1\]"),
    ({"hr_box": None}, "hr_box"),
    ({"hr_box": "0044"}, "hr_box"),
    ({"extra": 1}, "extra"),
    ({"\ud800": 1}, ""),
]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *WRONG_IN_BOTH,
        ({"scale": 1}, "scale"),
        ({"scale": "2"}, "scale"),
        ({"scale": [2, 1]}, "scale"),
        ({"kernel_id": None}, "kernel_id"),
        ({"noise_id": 3}, "noise_id"),
        ({"noise_id": ""}, "noise_id"),
        ({"noise_origin": [1]}, "noise_origin"),
        ({"noise_origin": [1, None]}, "noise_origin"),
        ({"noise_origin": [-1, 0]}, "noise_origin"),
        ({"noise_origin": None}, "together"),
        ({"noise_id": None}, "together"),
        ({"steps": []}, "steps"),
    ],
    ids=str,
)
def test_version_1_refuses_tampered_fields(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CorruptDataError, match=f"not a degradation plan.*{named}"):
        DegradationPlan.from_json({**OLD, **change})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *WRONG_IN_BOTH,
        ({"version": 1}, "version"),
        ({"version": 4}, "version"),
        ({"version": True}, "version"),
        ({"version": 2.0}, "version"),
        ({"version": None}, "version"),
        ({"scale": 2}, "scale"),
        ({"scale": [2]}, "scale"),
        ({"scale": [1, 1]}, "scale must be a number from 1.5 to 64"),
        ({"scale": [5, 4]}, "scale must be a number from 1.5 to 64"),
        ({"scale": [10, 4]}, r"scale must be .* in lowest terms, got \(10, 4\)"),
        ({"scale": [237, 100]}, "the nearest is 45/19"),
        ({"scale": [4, 0]}, r"scale\[1\]"),
        ({"scale": [True, 1]}, r"scale\[0\]"),
        ({"steps": []}, "the size of LR once, got no steps"),
        ({"steps": None}, "steps"),
        ({"steps": {}}, "steps"),
        ({"steps": [[]]}, r"steps\[0\]"),
        ({"steps": [{"kind": "rounding"}]}, "the size of LR once, got rounding"),
        ({"steps": [{"kind": "blur"}]}, r"steps\[0\].*'blur'.*kernel_id"),
        ({"steps": [{"kind": "blur", "kernel_id": "k", "x": 1}]}, r"steps\[0\].*'x'"),
        ({"steps": [{"kernel_id": "k"}]}, r"steps\[0\].*kind"),
        ({"steps": [{"kind": "haze"}]}, r"steps\[0\].*no step 'haze'"),
        ({"steps": [{"kind": ["blur"]}]}, r"steps\[0\].*kind"),
        ({"kernel_id": "k"}, "kernel_id"),
    ],
    ids=str,
)
def test_version_3_refuses_tampered_fields(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CorruptDataError, match=f"not a degradation plan.*{named}"):
        DegradationPlan.from_json({**GOOD.to_json(), **change})


@pytest.mark.parametrize("field", ["hr_box", "steps", "key", "other"])
def test_plan_from_json_survives_deep_nesting(field: str) -> None:
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CorruptDataError, match="not a degradation plan"):
        DegradationPlan.from_json({**GOOD.to_json(), field: [deep]})
    with pytest.raises(CorruptDataError, match="not a degradation plan"):
        DegradationPlan.from_json({**OLD, field: deep})
    while deep:  # a list this deep cannot be given back in one go by every Python
        deep = deep[0]
