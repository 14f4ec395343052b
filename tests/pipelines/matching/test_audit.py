"""Pairs against photos: what remains is named, and LR that lies off HR fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import ndimage

from degrade.arrays import U8Array, round_to_u8
from degrade.degradation import MEASURED
from degrade.images.image_io import write_png
from degrade.resample import imresize
from pipelines.cli import main
from pipelines.cli.options import as_options
from pipelines.matching.audit import advice_for
from pipelines.matching.findings import CHANGES
from tests.degrade.audit.scenes import make_photo

_PAIRS = 12


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def _import(folder: Path, hr: list[U8Array], lr: list[U8Array]) -> Path:
    for number, (large, small) in enumerate(zip(hr, lr, strict=True)):
        write_png(folder / "HR" / f"{number}.png", large)
        write_png(folder / "LR" / f"{number}.png", small)
    words = ("--hr", folder / "HR", "--lr", folder / "LR", "--out", folder / "pairs")
    found = run("import-pairs", *words)
    assert found.exit_code == 0, found.output
    return folder / "pairs"


def halved(image: U8Array, *, shift: float = 0.0) -> U8Array:
    moved = ndimage.shift(image.astype(np.float32), (2 * shift, 0, 0), order=3, mode="mirror")
    return round_to_u8(imresize(moved, 1 / 2))


@pytest.fixture(scope="module")
def hr() -> list[U8Array]:
    return [make_photo(f"hr {number}", 160) for number in range(_PAIRS)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a camera makes of scenes like those of the pairs: softer than halved HR."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(14):
        write_png(folder / f"{number}.png", make_photo(f"photo {number}", 120))
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory, hr: list[U8Array]) -> Path:
    return _import(tmp_path_factory.mktemp("bicubic"), hr, [halved(image) for image in hr])


def test_audit_names_what_remains_and_what_to_change(
    pairs: Path, photos: Path, tmp_path: Path
) -> None:
    report, sheet = tmp_path / "audit.json", tmp_path / "audit.png"
    words = ("audit", "--pairs", pairs, "--photos", photos, "--sheet", sheet)
    found = run("--report", report, *words)
    assert found.exit_code == 0, found.output
    assert "LR: sharper, " in found.output and "the kernels are too narrow" in found.output
    assert "beside it, Gaussian LR of the same HR: " in found.output
    assert sheet.stat().st_size > 10_000
    facts = json.loads(report.read_text())["facts"]
    by_kind = {fact["kind"]: fact for fact in facts}
    assert by_kind["alignment"]["fails"] is False and by_kind["bias"]["fails"] is False
    assert by_kind["difference"]["interval"][0] <= by_kind["difference"]["size"]
    assert next(fact["of"] for fact in facts if fact["kind"] == "beside").startswith("bicubic")


def test_audit_fails_pairs_that_lie_off(hr: list[U8Array], photos: Path, tmp_path: Path) -> None:
    off = _import(tmp_path, hr, [halved(image, shift=0.2) for image in hr])
    report = tmp_path / "report.json"
    found = run("--report", report, "audit", "--pairs", off, "--photos", photos)
    assert found.exit_code == 1
    assert "LR lies off HR, median shift +0.2" in found.output
    assert "LR: sharper" in found.output, "the rest of the report is not lost"
    assert json.loads(report.read_text())["exit_code"] == 1


def test_audit_fails_and_names_a_few_pairs_that_lie_off(
    hr: list[U8Array], photos: Path, tmp_path: Path
) -> None:
    moved = {1, 4}
    lr = [halved(image, shift=0.2 * (n in moved)) for n, image in enumerate(hr)]
    folder = _import(tmp_path, hr, lr)
    report = tmp_path / "report.json"
    found = run("--report", report, "audit", "--pairs", folder, "--photos", photos)
    facts = {fact["kind"]: fact for fact in json.loads(report.read_text())["facts"]}
    off = facts["alignment"]["off"]
    assert found.exit_code == 1 and [key[:2] for key in off] == ["1-", "4-"]
    assert f"beyond 0.05, for sure {', '.join(off)}; a model" in found.output
    assert max(map(abs, facts["alignment"]["shift"])) < 0.02


def test_audit_goes_on_without_damaged_pairs(
    hr: list[U8Array], photos: Path, tmp_path: Path
) -> None:
    folder = _import(tmp_path, hr, [halved(image) for image in hr])
    (store,) = folder.glob("shard-*.h5")
    content = bytearray(store.read_bytes())
    place = len(content) // 2
    content[place : place + 20] = bytes(byte ^ 255 for byte in content[place : place + 20])
    store.write_bytes(content)
    found = run("audit", "--pairs", folder, "--photos", photos)
    assert found.exit_code == 3 and "1 rejected" in found.output
    assert "LR: sharper" in found.output


def test_audit_refuses_what_holds_no_pairs_and_one_photo(
    pairs: Path, photos: Path, tmp_path: Path
) -> None:
    found = run("audit", "--pairs", photos, "--photos", photos)
    assert found.exit_code == 1 and "holds no pairs" in found.output
    found = run("audit", "--pairs", pairs, "--photos", photos / "0.png")
    assert found.exit_code == 1 and "one photo that can be used is no set" in found.output
    small = _import(tmp_path, [make_photo("tiny", 64)] * 2, [halved(make_photo("tiny", 64))] * 2)
    found = run("audit", "--pairs", small, "--photos", photos)
    assert found.exit_code == 1 and "images of 32 pixels are too small to compare" in found.output


def test_what_pairs_have_already_is_not_advised() -> None:
    """Pairs that were compressed as the photos are were told to be compressed as the photos are."""

    def advised(**settings: Any) -> set[str]:
        return set(advice_for({"settings": settings} if settings else {}))

    jpeg = {"name": "mine", "steps": [{"kind": "blur"}, {"kind": "jpeg"}]}
    assert advised() == advised(recipe=MEASURED.to_json()) == set(CHANGES)
    for damaged in ("damaged", {"steps": 3}, {"steps": [3, {"kind": []}]}):
        assert advised(recipe=damaged) == set(CHANGES)
    assert advised() - advised(recipe=jpeg) == {"fewer JPEG blocks"}
    assert advised(further=["jpeg"]) == advised(recipe=jpeg)
    words = advice_for({"settings": {"recipe": jpeg}})["sharper colours"]
    assert words == "a match corrects colours"


def test_what_to_change_is_said_as_a_command_that_has_the_option() -> None:
    for words in CHANGES.values():
        for quoted in re.findall("`([^`]*)`", words):
            said = as_options(f"`{quoted}`", [main.commands["audit"]], main.commands)
            assert said.startswith("degrade build-pairs --"), quoted
