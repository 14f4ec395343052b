"""What is planned depends on the photos alone, wherever they were unpacked."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from degrade.degradation import MEASURED
from degrade.degradation.recipes import RECIPES
from degrade.errors import InvalidValueError
from pipelines.pairs.planning import BuildPairsConfig, plan_photos
from pipelines.shared.recipes import takes_measured_jpeg
from tests.pipelines.pairs.test_image_matching import photo


def test_plan_photos_gives_one_key_to_both_forms_of_unicode(tmp_path: Path) -> None:
    config = BuildPairsConfig(pool=tmp_path, out=tmp_path / "out", hr_size=32)
    scanned = replace(photo("a.png", 64, 64), sha256="0f" * 32)
    keys = set()
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Café Zürich.png")
        (planned,), rejects = plan_photos([replace(scanned, name=name)], config)
        assert not rejects
        keys.add(planned.key)
    assert len(keys) == 1


def test_plan_photos_keeps_the_sums_of_this_run(tmp_path: Path) -> None:
    config = BuildPairsConfig(pool=tmp_path, out=tmp_path / "out", hr_size=32)
    scanned = replace(photo("a.png", 64, 64), sha256="0f" * 32)
    for crc32 in (None, 7):
        (planned,), _ = plan_photos([replace(scanned, crc32=crc32)], config)
        assert planned.crc32 == crc32


def test_noise_from_is_refused_where_a_recipe_has_no_noise_of_a_camera(tmp_path: Path) -> None:
    config = BuildPairsConfig(pool=tmp_path, out=tmp_path / "out", noise_from="model")
    without = MEASURED.without(("residual",))
    with pytest.raises(InvalidValueError, match="noise_from=model` changes nothing: the recipe me"):
        replace(config, recipe=without)
    assert replace(config, recipe=without, noise="none")  # none is what is asked for


def test_takes_measured_jpeg_tells_recipes_with_qualities_of_their_own() -> None:
    assert takes_measured_jpeg(MEASURED) and not takes_measured_jpeg(RECIPES["second-order"])
