from __future__ import annotations

import pytest

from degrade.degradation import MEASURED, PoolIndex, read_recipe
from pipelines.shared.recipes import spectral_share

INDEX = PoolIndex(
    ("own", "imported"), matched_ids=("corrected",), spectral=frozenset(("own", "corrected"))
)


@pytest.mark.parametrize(
    ("blur", "share"),
    [({}, (1, 2)), ({"kernels": "matched"}, (1, 1)), ({"kernels": "camera"}, None)],
)
def test_kernels_are_counted_that_plans_may_draw(
    blur: dict[str, str], share: tuple[int, int] | None
) -> None:
    response = {"kind": "response", "kernels": "spectral"}
    recipe = read_recipe({"steps": [{"kind": "blur", **blur}, response]})
    assert spectral_share(recipe, INDEX) == share


def test_nothing_is_counted_where_no_step_asks_or_no_kernel_is() -> None:
    assert spectral_share(MEASURED.without(("response",)), INDEX) is None
    assert spectral_share(MEASURED, PoolIndex(())) is None
    assert spectral_share(MEASURED, INDEX) == (1, 2)
