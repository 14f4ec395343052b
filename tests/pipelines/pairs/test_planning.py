from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from degrade.errors import InvalidValueError
from pipelines.pairs.planning import BuildPairsConfig, fit_hr_size
from pipelines.shared.photo_scan import ScannedPhoto


def _photos(*sides: int) -> list[ScannedPhoto]:
    return [
        ScannedPhoto(
            path=Path(f"{number}.png"),
            name=f"{number}.png",
            sha256=f"{number:064x}",
            height=side,
            width=2 * side,
            format="png",
            channels=3,
            bit_depth=8,
            orientation=1,
            bytes=9,
            modified=9,
        )
        for number, side in enumerate(sides)
    ]


def _config(**settings: Any) -> BuildPairsConfig:
    return BuildPairsConfig(pool=Path("pool"), out=Path("out"), hr=(Path("hr"),), **settings)


@pytest.mark.parametrize(
    ("sides", "settings", "side"),
    [
        ([600, 700], {}, 512),
        ([511], {}, 256),
        ([150, 900], {}, 128),
        ([20] + [600] * 11, {}, 512),  # one of twelve may be too small
        ([20, 20] + [600] * 11, {}, 64),
        ([600], {"scale": 3}, 510),
        ([600], {"clean_up": 2}, 256),
        ([10], {}, 64),  # too small for all: named when it is planned
        ([], {}, 64),
    ],
)
def test_fit_hr_size_is_the_largest_that_nearly_all_photos_hold(
    sides: list[int], settings: dict[str, Any], side: int
) -> None:
    assert fit_hr_size(_config(**settings), _photos(*sides)).patch_side == side


@pytest.mark.parametrize("given", [96, None])
def test_fit_hr_size_leaves_what_was_given(given: int | None) -> None:
    config = _config(hr_size=given)
    assert fit_hr_size(config, _photos(50)) is config and config.patch_side == given


def test_patch_side_is_not_known_before_the_photos_are() -> None:
    with pytest.raises(InvalidValueError, match="known by now"):
        _ = _config().patch_side
