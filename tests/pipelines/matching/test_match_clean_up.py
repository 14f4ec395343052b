"""HR that is halved for a match, and what uses the match's recipe after it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import round_to_u8
from degrade.degradation import clean_up
from degrade.degradation.index import MATCHED
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.images.decoded_photos import DecodedPhotos
from degrade.images.image_io import MAX_PIXELS, read_photo, write_png
from degrade.kernels import downsample, gaussian_kernel
from degrade.pool import DegradationPool
from degrade.pool.matched import clean_up_in
from degrade.pool.records import Provenance
from pipelines.cli import main
from pipelines.matching.hr_patches import cut_patches
from pipelines.matching.match import MatchConfig
from pipelines.matching.match_bench import make_recipe
from pipelines.matching.photo_sets import find_set
from pipelines.pairs.build_pairs import BuildPairsConfig, build_pairs
from pipelines.shared.job import Job
from pipelines.shared.recipes import recipe_of
from pipelines.training.hr_photos import decode_photos
from pipelines.training.train import TrainConfig, train
from tests.degrade.audit.scenes import make_scene

_COUNT = 20
_SCALE = 2
_CAMERA = gaussian_kernel(17, _SCALE, (1.3, 1.3))


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def told(report: Path, kind: str) -> list[dict[str, object]]:
    return [fact for fact in json.loads(report.read_text())["facts"] if fact["kind"] == kind]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, soft HR, HR halved beforehand, and two pools: with a match of halved HR, and without.

    HR is soft as an enlarged photo is: halved, it is sharp again.
    """
    place = tmp_path_factory.mktemp("clean-up")
    for number in range(_COUNT):
        hr = round_to_u8(make_scene(f"hr {number}", 144))
        large = np.repeat(np.repeat(hr.astype(np.float32), 4, axis=0), 4, axis=1)
        soft = round_to_u8(np.clip(downsample(large, gaussian_kernel(33, 2, (4.0, 4.0))), 0, 255))
        write_png(place / "soft" / f"{number}.png", soft)
        write_png(place / "halved" / f"{number}.png", clean_up(soft, 2))
        levels = downsample(np.rint(make_scene(f"photo {number}", 144)), _CAMERA)
        write_png(place / "photos" / f"{number}.png", round_to_u8(np.clip(levels, 0, 255)))
    pool, other = (DegradationPool.create(place / name) for name in ("pool", "other"))
    for each in (pool, other):
        each.add_kernel(_CAMERA, Provenance("start", None, None, "import", {}, "test"))
    words = ("match", place / "photos", "--scale", _SCALE, "--aim", "match", "--directions", "none")
    found = run(*words, "--pool", pool.path, "--hr", place / "soft", "--clean-up", 2)
    assert found.exit_code == 0 and "HR photos are halved first (--clean-up 2)" in found.output
    made = Provenance("start", None, None, MATCHED, {}, "test")
    facts = {"aim": "match", "photos": _COUNT, "hr": _COUNT}
    other.add_match([(_CAMERA, made)], make_recipe(()), _SCALE, facts)  # as before clean-ups
    return place


def test_a_match_cuts_hr_as_if_it_had_been_halved_beforehand(place: Path) -> None:
    cut = []
    for name, factor in (("soft", 2), ("halved", 1)):
        job = Job("match", "photo")
        photos = find_set(job, (place / name,), max_pixels=MAX_PIXELS)
        photos = sorted(photos, key=lambda photo: photo.name)
        found = cut_patches(job, photos, 64, _SCALE, 20, factor, max_pixels=MAX_PIXELS)
        assert len(found.keys) == _COUNT and not job.rejects
        cut.append(found.patches)
    for ours, theirs in zip(*cut, strict=True):
        assert [patch.whole for patch in ours] == [patch.whole for patch in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert np.array_equal(one.image.pixels, other.image.pixels)


def test_a_pool_keeps_the_clean_up_of_its_match_and_tells_it(place: Path) -> None:
    for name, its, words in (
        ("pool", 2, "20 HR photos, halved, for"),
        ("other", 1, "20 HR photos, for"),
    ):
        opened = DegradationPool.open(place / name)
        assert opened.matched_clean_up(_SCALE) == its and opened.matched_clean_up(3) == 1
        assert words in run("inspect", place / name).output
    shown = run("recipe", "show", "matched", "--pool", place / "pool", "--scale", _SCALE)
    assert "# HR was halved first for its match" in shown.output


def test_build_pairs_halves_hr_where_the_match_did(place: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ("build-pairs", "--pool", place / "pool", "--hr", place / "soft", "--scale", _SCALE)
    words += ("--recipe", "matched", "--out")
    found = run("--report", report, *words, tmp_path / "pairs")
    assert found.exit_code == 0, found.output
    assert "HR is halved first, as for the match (--clean-up 2)" in found.output
    assert told(report, "clean_up")[0]["clean_up"] == 2 and not told(report, "other_hr")
    settings = json.loads((tmp_path / "pairs" / "run.json").read_text())["settings"]
    assert settings["clean_up"] == 2
    again = run(*words, tmp_path / "pairs", "--clean-up", 2)
    assert again.exit_code == 0 and "HR is halved" not in again.output, again.output
    assert json.loads((tmp_path / "pairs" / "run.json").read_text())["settings"] == settings
    report.unlink()
    found = run("--report", report, *words, tmp_path / "whole", "--clean-up", 1)
    assert found.exit_code == 0 and "the match was made with other HR: halved" in found.output
    assert "LR may be softer than the photos" in found.output
    assert told(report, "other_hr")[0]["of_match"] == 2
    # Other recipes have nothing to do with the match.
    found = run(*words[:-3], "--noise", "none", "--out", tmp_path / "measured")
    assert found.exit_code == 0 and "match" not in found.output.replace(f"{tmp_path}", "")


def test_pairs_of_a_match_with_hr_as_it_is(place: Path, tmp_path: Path) -> None:
    words = ("build-pairs", "--pool", place / "other", "--hr", place / "halved", "--scale", _SCALE)
    words += ("--recipe", "matched", "--out")
    found = run(*words, tmp_path / "pairs")
    assert found.exit_code == 0 and "the match" not in found.output, found.output
    found = run(*words, tmp_path / "smaller", "--clean-up", 2)
    assert found.exit_code == 0, found.output
    assert "the match was made with other HR: as it is (--clean-up 1)" in found.output
    assert "LR may be sharper than the photos" in found.output


def test_a_fingerprint_keeps_the_clean_up(place: Path, tmp_path: Path) -> None:
    made = run("fingerprint", place / "pool", "-o", tmp_path / "camera.json")
    assert made.exit_code == 0, made.output
    assert DegradationPool.open(tmp_path / "camera.json").matched_clean_up(_SCALE) == 2
    text = (tmp_path / "camera.json").read_text()
    assert '"clean_up":2' in text.replace(" ", "")


def test_the_pools_own_photos_are_halved_whatever_the_match_had(
    place: Path, tmp_path: Path
) -> None:
    for name, words in (("pool", False), ("other", True)):
        shutil.copytree(place / name, tmp_path / name)
        assert run("extract-noise", place / "photos", "--pool", tmp_path / name).exit_code in (0, 3)
        report = build_pairs(
            BuildPairsConfig(
                pool=tmp_path / name,
                out=tmp_path / f"pairs of {name}",
                scale=_SCALE,
                recipe=recipe_of("matched", tmp_path / name, _SCALE),
                hr_size=32,
            )
        )
        assert any(fact.kind == "other_hr" for fact in report.facts) == words
        assert not any(fact.kind == "clean_up" for fact in report.facts)


@pytest.mark.parametrize(("given", "side"), [(None, 144), (1, 288)], ids=["by the match", "given"])
def test_training_on_photos_halves_them_where_the_match_did(
    place: Path, tmp_path: Path, given: int | None, side: int, one_thread: None
) -> None:
    config = TrainConfig(
        hr=(place / "soft",),
        pool=place / "pool",
        scale=_SCALE,
        recipe=recipe_of("matched", place / "pool", _SCALE),
        clean_up=given,
        cache=tmp_path / "cache",
        out=tmp_path / "model",
        steps=1,
        batch_size=2,
        hr_patch=48,
    )
    kinds = {fact.kind for fact in train(config).facts}
    assert ("clean_up" in kinds, "other_hr" in kinds) == (given is None, given == 1)
    stored = sorted((tmp_path / "cache").glob("*.rgb"))
    assert {path.stat().st_size for path in stored} == {3 * side * side}
    if given is None:
        pixels = np.fromfile(stored[0], np.uint8).reshape(side, side, 3)
        halves = [read_photo(path).as_u8() for path in (place / "halved").iterdir()]
        assert any(np.array_equal(pixels, half) for half in halves)


def test_hr_too_small_to_be_halved_is_told(place: Path) -> None:
    words = ("match", place / "photos", "--scale", _SCALE, "--pool", place / "other", "--hr")
    found = run(*words, place / "halved", "--clean-up", 2)
    assert found.exit_code == 1, found.output
    assert "which takes HR of 256, halved first (--clean-up 2)" in found.output
    job = Job("match", "photo")
    photos = find_set(job, (place / "halved",), max_pixels=MAX_PIXELS)
    cut = cut_patches(job, photos, 64, _SCALE, 20, 2, max_pixels=MAX_PIXELS)
    assert not cut.keys and len(job.rejects) == _COUNT
    assert job.rejects[0].reason.startswith("72×72 pixels after its clean-up by ½ are too few")


def test_a_photo_that_has_no_half_is_left_out_of_training(tmp_path: Path) -> None:
    write_png(tmp_path / "photos" / "line.png", np.zeros((1, 40, 3), np.uint8))
    write_png(tmp_path / "photos" / "odd.png", np.full((41, 33, 3), 7, np.uint8))
    sizes = {}
    for factor in (2, 1):  # both into one folder
        store = DecodedPhotos(tmp_path / "store", factor)
        found, rejects = decode_photos([tmp_path / "photos"], store)
        sizes[factor] = {photo.name: (photo.height, photo.width) for photo in found}
        assert [one.reason for one in rejects] == ["40×1 pixels cannot be halved"][: factor - 1]
    assert sizes[2] == {"odd.png": (20, 16)} and sizes[1]["odd.png"] == (41, 33)
    assert len(DecodedPhotos(tmp_path / "store", 2).known()) == 1


def test_clean_up_is_1_or_2() -> None:
    values = {"scale": 2, "kernels": ["0" * 32], "recipe": {}}
    assert clean_up_in(values) == 1 and clean_up_in({**values, "clean_up": 2}) == 2
    with pytest.raises(CorruptDataError):
        clean_up_in({**values, "clean_up": 3})
    paths = {"photos": (Path("a"),), "pool": Path("b"), "hr": (Path("c"),)}
    with pytest.raises(InvalidValueError, match="clean_up must be 1 or 2, got 3"):
        MatchConfig(**paths, clean_up=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="clean_up must be 1 or 2, got 0"):
        TrainConfig(hr=(Path("a"),), pool=Path("b"), out=Path("c"), clean_up=0)
    with pytest.raises(InvalidValueError, match="pairs have their `clean_up`"):
        TrainConfig(pairs=Path("a"), out=Path("c"), clean_up=2)
    refused = run("train", "--pairs", "a", "--clean-up", 2)
    assert refused.exit_code == 2 and "--clean-up can only be given with --hr" in refused.output
