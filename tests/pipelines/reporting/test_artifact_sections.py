"""The page of a folder that detect-artifacts has written."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.images.image_io import write_png
from pipelines.artifacts.detect import ArtifactsConfig, find_artifacts
from pipelines.artifacts.table import TABLE, read_regions
from pipelines.reporting.make_report import ReportConfig, make_report
from pipelines.shared.reports import RunReport
from tests.degrade.artifacts.results import make_results, plant_grid

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """Two images, one with two areas, in a folder whose results lie beside."""
    out = tmp_path / "found"
    for name in ("whole", "sub/bro<ken"):
        mse, gan = make_results(name)
        if "/" in name:
            gan, _ = plant_grid(gan, 20, 20, 40, strength=90)
            gan, _ = plant_grid(gan, 100, 100, 40, strength=25)
        write_png(out / "mse" / f"{name}.png", mse)
        write_png(out / "gan" / f"{name}.png", gan)
    find_artifacts(ArtifactsConfig(mse=out / "mse", gan=out / "gan", out=out, min_area=300))
    return out


def _made(found: Path) -> tuple[RunReport, str]:
    page = found.parent / "page.html"
    report = make_report(ReportConfig(sources=(found,), out=page))
    return report, page.read_text()


def test_tell_artifacts_shows_each_area_over_the_mse_result(found: Path) -> None:
    report, page = _made(found)
    assert not report.rejects
    assert "2 areas flagged in 1 of 2 images" in page
    assert page.count("MSE on the left, GAN on the right") == 2
    assert "sub/bro&lt;ken: " in page and "bro<ken: " not in page
    first = page.index("1. sub/bro&lt;ken")
    assert first < page.index("2. sub/bro&lt;ken")


def test_tell_artifacts_keeps_images_apart_whose_names_look_alike(tmp_path: Path) -> None:
    out, names = tmp_path / "found", ("a\x01", r"a\x01", r"a\\x01", "a")
    for name in names:
        mse, gan = make_results(repr(name))
        gan, _ = plant_grid(gan, 20, 20, 40, strength=90)
        write_png(out / "mse" / f"{name}.png", mse)
        write_png(out / "gan" / f"{name}.png", gan)
    find_artifacts(ArtifactsConfig(mse=out / "mse", gan=out / "gan", out=out, min_area=300))
    areas = read_regions(out / TABLE)
    assert {area.image for area in areas} == {r"a\x01", r"a\\x01", r"a\\\\x01", "a"}
    report, page = _made(out)
    assert not report.rejects and "4 areas flagged in 4 of 4 images" in page
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == len(set(pictures)) == 8


@pytest.mark.parametrize("name", [b"two\nlines", b"\xff\xfe", b"\x1b[31mred", "a\u202eb".encode()])
def test_tell_artifacts_finds_images_whose_names_no_terminal_shows(
    tmp_path: Path, name: bytes
) -> None:
    out, file = tmp_path / "found", f"{os.fsdecode(name)}.png"
    mse, gan = make_results("odd")
    write_png(out / "mse" / file, mse)
    write_png(out / "gan" / file, plant_grid(gan, 20, 20, 40, strength=90)[0])
    find_artifacts(ArtifactsConfig(mse=out / "mse", gan=out / "gan", out=out, min_area=300))
    report, page = _made(out)
    assert not report.rejects and page.count("MSE on the left, GAN on the right") == 1


def test_tell_artifacts_shows_overlays_alone_where_results_lie_elsewhere(found: Path) -> None:
    (found / "mse").rename(found.parent / "elsewhere")
    page = _made(found)[1]
    assert "MSE on the left" not in page
    assert page.count('alt="1. sub/bro&lt;ken') == 1 == page.count('alt="2. sub/bro&lt;ken')


def test_tell_artifacts_shows_overlays_alone_where_mse_results_have_other_names(
    found: Path,
) -> None:
    (found / "mse" / "sub" / "bro<ken.png").rename(found / "mse" / "sub" / "other.png")
    report, page = _made(found)
    assert not report.rejects and "MSE on the left" not in page
    assert page.count('alt="1. sub/bro&lt;ken') == 1 == page.count('alt="2. sub/bro&lt;ken')


def test_tell_artifacts_names_pictures_that_are_missing_and_goes_on(found: Path) -> None:
    (found / "overlays" / "sub" / "bro<ken.png").unlink()
    report, page = _made(found)
    assert len(report.rejects) == 2 and "bro<ken.png" in report.rejects[0].path
    assert "Missing or damaged" in page and "2 areas flagged" in page


def test_tell_artifacts_follows_no_name_out_of_the_folder(found: Path) -> None:
    table = found / "artifacts.csv"
    table.write_text(table.read_text().replace("sub/bro<ken", "../../secret"))
    report, page = _made(found)
    assert all("leads outside" in reject.reason for reject in report.rejects)
    assert len(report.rejects) == 2 and '"data:image/png' not in page.replace(
        '"data:image/png;base64," + ', ""
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("rank", "place"),
        lambda text: text[: len(text) - 30],
        lambda text: text + "3,x,0,0,-1,5,5,0.1,0.1\n",
        lambda text: "",
        *(
            lambda text, shares=shares: text + f"3,x,0,0,5,5,25,{shares}\n"
            for shares in ("nan,0.1", "inf,0.1", "1e308,0.1", "-0.1,0.1", "0.1,nan", "0.1,-1.1")
        ),
    ],
)
def test_tell_artifacts_refuses_a_damaged_table(found: Path, damage: object) -> None:
    table = found / "artifacts.csv"
    table.write_text(damage(table.read_text()))  # type: ignore[operator]
    with pytest.raises(DegradeError, match=r"artifacts.csv is no table of"):
        _made(found)
