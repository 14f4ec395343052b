from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from degrade.images.image_io import write_png
from pipelines.cli import main
from pipelines.history.photo_history import HistoryConfig, photo_history
from tests.degrade.history.pictures import natural


def _run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    first = natural("a", 300, 360)
    write_png(folder / "a.png", first)
    (folder / "copy of a.png").write_bytes((folder / "a.png").read_bytes())
    Image.fromarray(first).save(folder / "a.bmp")
    small = cv2.resize(first, (240, 200), interpolation=cv2.INTER_AREA)
    exif = Image.Exif()
    exif[271], exif[272] = "ACME", "ACME One"
    exif.get_ifd(0x8769).update({0x8827: 400, 0xA431: "SERIAL-17", 0x920A: IFDRational(35)})
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(small).save(folder / "small.jpg", quality=90, exif=exif)
    large = cv2.resize(natural("b", 300, 360), (540, 450), interpolation=cv2.INTER_CUBIC)
    write_png(folder / "large.png", large)
    return folder


def _table(path: Path) -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO(path.read_text("utf-8")))
    return {row["photo"]: row for row in rows}


def test_history_tells_of_each_photo_and_of_all(photos: Path, tmp_path: Path) -> None:
    table, report = tmp_path / "t.csv", tmp_path / "r.json"
    told = _run("--report", report, "history", photos, "--csv", table, "--jobs", 1).output
    assert "history: 5 photos" in told
    assert "enlarged before: 1 of 5 photos (large.png about ×1.5" in told
    assert "there more than once: 1 the same file, 1 the same picture, 1 the same pixels" in told
    rows = _table(table)
    same = {name: (row["same_in"], row["same_as"]) for name, row in rows.items()}
    assert same == {
        "a.bmp": ("", ""),
        "a.png": ("pixels", "a.bmp"),
        "copy of a.png": ("file", "a.png"),
        "small.jpg": ("picture", "a.bmp"),
        "large.png": ("", ""),
    }
    small = rows["small.jpg"]
    assert (small["model"], small["iso"], small["focal_length"]) == ("ACME One", "400", "35.0")
    assert small["jpeg_quality"] == "90"
    assert rows["large.png"]["enlarged"] == "yes"
    assert float(rows["large.png"]["enlarged_factor"]) == pytest.approx(1.5, rel=0.01)
    everything = table.read_text("utf-8") + report.read_text("utf-8") + told
    assert "SERIAL" not in everything
    facts = json.loads(report.read_text("utf-8"))["facts"]
    told_of = {fact["photo"]: fact["measured"] for fact in facts if fact["kind"] == "photo"}
    assert list(told_of) == sorted(rows)
    assert told_of["small.jpg"]["jpeg"]["words"] == small["jpeg"] == "libjpeg's quality 90, 4:2:0"


def test_history_draws_and_replaces_only_what_it_has_made(photos: Path, tmp_path: Path) -> None:
    table, picture = tmp_path / "t.csv", tmp_path / "p.png"
    table.write_text("mine")
    arguments = ("history", photos, "--csv", table, "--picture", picture, "--jobs", 1)
    assert "t.csv" in _run(*arguments, code=1).output and not picture.exists()
    assert table.read_text() == "mine"
    _run(*arguments, "--overwrite")
    _run(*arguments)
    with Image.open(picture) as drawn:
        assert min(drawn.size) > 500
    assert "NAME.png" in _run("history", photos, "--picture", tmp_path / "p.txt", code=1).output


def test_history_names_what_it_cannot_read_and_goes_on(photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no photo")
    data = (photos / "small.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(data[: len(data) // 2])
    result = _run("history", photos, "--jobs", 1, code=3)
    assert result.output.count("broken.png: ") == 1 and result.output.count("cut.jpg: ") == 1
    assert "history: 5 photos, 2 rejected" in result.output


def test_history_leaves_empty_in_its_csv_what_a_photo_cannot_tell(tmp_path: Path) -> None:
    write_png(tmp_path / "photos" / "small.png", natural("a", 100, 120))
    write_png(tmp_path / "photos" / "plain.png", natural("b", 300, 360))
    _run("history", tmp_path / "photos", "--csv", tmp_path / "t.csv", "--jobs", 1)
    rows = _table(tmp_path / "t.csv")
    assert rows["plain.png"]["enlarged"] == "not seen"
    assert (rows["small.png"]["enlarged"], rows["small.png"]["sharpened"]) == ("", "")
    assert rows["small.png"]["flags"] == "resampling: too small; sharpening: too small"


def test_history_with_a_pool_looks_at_each_photo_once(photos: Path, tmp_path: Path) -> None:
    pool, first, second = tmp_path / "pool", tmp_path / "1.csv", tmp_path / "2.csv"
    _run("history", photos, "--pool", pool, "--csv", first, "--jobs", 1)
    told: list[tuple[int, int]] = []
    config = HistoryConfig(sources=(photos,), pool=pool, csv=second)
    photo_history(config, on_progress=lambda *done: told.append(done))
    assert told == [(4, 4)]  # one of five is a copy; none was left to be looked at
    assert first.read_bytes() == second.read_bytes()
    assert "resampling (4):" in _run("inspect", pool).output


def test_history_that_is_stopped_before_its_first_photo_reports_that(
    photos: Path, tmp_path: Path
) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    config = HistoryConfig(sources=(photos,), csv=tmp_path / "t.csv")
    report = photo_history(config, on_progress=stop)
    assert (report.done, report.interrupted) == (0, signal.SIGINT)
    assert [fact.kind for fact in report.facts] == ["copies", "stopped"]
    assert not list(tmp_path.glob("*.csv"))


def test_history_of_a_folder_without_photos_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no photo in " in _run("history", tmp_path / "empty", code=1).output


def test_history_does_not_depend_on_the_number_of_workers(photos: Path, tmp_path: Path) -> None:
    tables = [tmp_path / f"{jobs}.csv" for jobs in (1, 2)]
    for jobs, table in zip((1, 2), tables, strict=True):
        _run("history", photos, "--csv", table, "--jobs", jobs)
    assert tables[0].read_bytes() == tables[1].read_bytes()
    assert np.all([b"\r" not in table.read_bytes() for table in tables])
