from __future__ import annotations

from typing import Any

import pytest

from degrade.degradation.steps import STEPS, Blur, read_step
from degrade.errors import CorruptDataError


def test_steps_are_named_as_they_name_themselves() -> None:
    assert {kind: step.kind for kind, step in STEPS.items()} == {kind: kind for kind in STEPS}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "blur", "kernel_id": ""}, "the step 'blur': .*kernel_id"),
        ({"kind": "residual", "noise_id": "n", "top": True, "left": 0}, "'residual': .*top"),
        ({"kind": "residual", "noise_id": "n", "top": 0, "left": 2**60}, "'residual': .*left"),
        ({"kind": "rounding", "levels": 1}, "'rounding': .*levels"),
        ({"kind": "Blur", "kernel_id": "k"}, "no step 'Blur', only hr-patch, blur, "),
        ({"kind": "x\n" * 500}, r"no step 'x\\nx"),
        ({"kind": None}, "object with a text 'kind'"),
        ([], "object with a text 'kind'"),
        (None, "object with a text 'kind'"),
    ],
)
def test_read_step_refuses_in_one_line(data: Any, said: str) -> None:
    with pytest.raises(CorruptDataError, match=said) as caught:
        read_step(data)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_read_step_leaves_what_it_is_given_as_it_was() -> None:
    data = {"kind": "blur", "kernel_id": "k"}
    assert read_step(data) == Blur("k")
    assert data == {"kind": "blur", "kernel_id": "k"}
