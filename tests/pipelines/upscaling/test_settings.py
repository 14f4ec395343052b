from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from degrade.errors import InvalidValueError
from pipelines.upscaling.upscale import UpscaleConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 0.5}, "`other` and `alpha`"),
        ({"other": Path("x")}, "`other` and `alpha`"),
        ({"other": Path("x"), "alpha": 2.0}, "alpha must be"),
        ({"tile": 0}, "tile must be"),
        ({"max_memory": 0.0}, "max_memory must be"),
        ({"suffix": "a/b"}, "suffix is a part"),
        ({"format": "gif"}, "format must be one of png, jpeg, tiff, webp, got 'gif'"),
    ],
)
def test_upscale_config_refuses_what_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        UpscaleConfig(**({"sources": (), "weights": Path("w"), "out": Path("o")} | settings))
