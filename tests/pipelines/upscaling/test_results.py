"""Results have names of their own; a rerun takes what is its own and replaces nothing else."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import DegradeError
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.images.sources import SourceFile
from pipelines.upscaling.results import choose_results
from pipelines.upscaling.upscale import UpscaleConfig, upscale
from tests.making import make_scene
from tests.pipelines.enlarged import contents, photos, run, write_interpolator


def chosen(tmp_path: Path, *names: str, suffix: str = "", ending: str = ".png") -> list[str]:
    files = [SourceFile(Path(f"/photos/{n}/{name}"), name) for n, name in enumerate(names)]
    results = choose_results(tmp_path, files, suffix=suffix, ending=ending)
    assert list(results) == [file.path for file in files]
    return [str(path.relative_to(tmp_path)) for path in results.values()]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_interpolator(tmp_path / "generator.pth")


def test_choose_results_keeps_folders_and_names(tmp_path: Path) -> None:
    names = ("a b.jpg", "sub/c.d.TIF", "no ending", "ü\n.png")
    assert chosen(tmp_path, *names) == ["a b.png", "sub/c.d.png", "no ending.png", "ü\n.png"]
    assert chosen(tmp_path, "a.png", suffix="_x4", ending=".jpg") == ["a_x4.jpg"]


def test_choose_results_keeps_apart_what_would_be_one_file(tmp_path: Path) -> None:
    assert chosen(tmp_path, "a.jpg", "a.png", "b.png") == ["a.jpg.png", "a.png.png", "b.png"]
    assert chosen(tmp_path, "a.jpg", "a.jpg") == ["a.jpg.png", "a.jpg-2.png"]
    # On some file systems these are one name.
    assert chosen(tmp_path, "A.jpg", "a.jpg") == ["A.jpg.png", "a.jpg-2.png"]
    forms = [unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD")]
    assert chosen(tmp_path, *forms) == [f"{forms[0]}.png", f"{forms[1]}-2.png"]
    several = chosen(tmp_path, "a.jpg", "a.jpg", "a.jpg-2", "a.jpg-2.png")
    assert len({name.casefold() for name in several}) == 4


def test_choose_results_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "away").symlink_to("/")
    for name in ("away/a.png", "../a.png"):
        with pytest.raises(DegradeError, match="leads outside"):
            chosen(tmp_path, name)


def test_choose_results_never_chooses_a_source(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "a.png").touch()
    for name in ("a.png", "link.jpg"):
        files = [SourceFile(tmp_path / "a.png", "x.png"), SourceFile(Path("/b"), name)]
        with pytest.raises(DegradeError, match=r"(a|link)\.png is a source"):
            choose_results(tmp_path, files, suffix="", ending=".png")


def test_run_upscaling_keeps_photos_of_one_name_apart(tmp_path: Path, weights: Path) -> None:
    for number, folder in enumerate(("one", "two")):
        write_png(tmp_path / folder / "a.png", quantise(make_scene(f"s{number}", 8, 8 + number)))
    write_png(tmp_path / "one" / "a.bmp", quantise(make_scene("s2", 8, 10)))
    report = run(tmp_path, weights, tmp_path / "one", tmp_path / "two")
    assert report.done == 3
    widths = {read_photo(p).pixels.shape[1] for p in (tmp_path / "out").glob("*.png")}
    assert widths == {32, 36, 40}


def test_run_upscaling_never_replaces_a_source(tmp_path: Path, weights: Path) -> None:
    path = photos(tmp_path, "photo.png") / "photo.png"
    before = path.read_bytes()
    for overwrite in (False, True):
        with pytest.raises(DegradeError, match=r"photo\.png is a source.*`suffix`"):
            run(tmp_path, weights, tmp_path / "in", out="in", overwrite=overwrite)
    assert path.read_bytes() == before


def test_run_upscaling_into_the_folder_of_its_sources(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png", "b.png")
    for out in ("in", "in/large"):
        for _ in range(2):
            report = run(tmp_path, weights, source, out=out, suffix="_x4")
            assert report.done + report.skipped == 2 + 2 * (out != "in") and not report.rejects
    names = {str(path.relative_to(source)) for path in source.rglob("*.png")}
    assert {"a_x4.png", "large/a_x4.png", "large/a_x4_x4.png"} <= names and len(names) == 8


def test_run_upscaling_goes_on_where_it_was_stopped(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png", "b.png", "sub/c.png")
    whole = tmp_path / "whole"
    run(tmp_path, weights, source, out="whole")

    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    config = UpscaleConfig(
        sources=(source,), weights=weights, out=tmp_path / "out", tile=16, device="cpu"
    )
    stopped = upscale(config, on_progress=stop)
    assert stopped.exit_code == 130 and stopped.done == 1
    assert not [path for path in contents(tmp_path / "out") if path.endswith(".tmp")]
    report = upscale(config)
    assert (report.done, report.skipped, report.exit_code) == (2, 1, 0)
    assert contents(tmp_path / "out") == contents(whole)
    report = upscale(config)
    assert (report.done, report.skipped) == (0, 3) and contents(tmp_path / "out") == contents(whole)


def test_run_upscaling_makes_again_what_is_gone_or_whose_photo_changed(
    tmp_path: Path, weights: Path
) -> None:
    source = photos(tmp_path, "a.png", "b.png", "c.png")
    run(tmp_path, weights, source)
    (tmp_path / "out" / "a.png").unlink()
    write_png(source / "b.png", quantise(make_scene("new", 10, 12)))
    report = run(tmp_path, weights, source)
    assert (report.done, report.skipped) == (2, 1)
    assert read_photo(tmp_path / "out" / "b.png").pixels.shape == (40, 48, 3)


def test_run_upscaling_replaces_nothing_that_it_did_not_write(
    tmp_path: Path, weights: Path
) -> None:
    source = photos(tmp_path, "a.png", "b.png", "c.png")
    mine = tmp_path / "out" / "a.png"
    mine.parent.mkdir()
    mine.write_bytes(b"my holiday")
    (tmp_path / "out" / "c.png").mkdir()
    report = run(tmp_path, weights, source)
    assert (report.done, report.exit_code) == (1, 3) and mine.read_bytes() == b"my holiday"
    assert all("is there and is not what an earlier" in each.reason for each in report.rejects)
    # Nor what has changed since.
    changed = tmp_path / "out" / "b.png"
    changed.write_bytes(changed.read_bytes() + b"!")
    assert len(run(tmp_path, weights, source).rejects) == 3
    (tmp_path / "out" / "c.png").rmdir()
    report = run(tmp_path, weights, source, overwrite=True)
    assert (report.done, report.exit_code) == (3, 0)
    assert read_photo(mine).pixels.shape == (80, 120, 3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"flips": True}, "`flips`: False -> True"),
        ({"mirror": 8}, "`mirror`: None -> 8"),
        ({"precision": "fp32"}, "`precision`: auto on cpu -> fp32"),
    ],
)
def test_run_upscaling_does_not_mix_settings(
    tmp_path: Path, weights: Path, settings: dict[str, Any], said: str
) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, weights, source)
    before = contents(tmp_path / "out")
    with pytest.raises(DegradeError, match=rf"a\.png was made with other settings \({said}\)"):
        run(tmp_path, weights, source, **settings)
    assert contents(tmp_path / "out") == before
    # Tiles and memory change nothing that can be seen.
    assert run(tmp_path, weights, source, tile=9).skipped == 1
    assert run(tmp_path, weights, source, overwrite=True, **settings).done == 1
    assert run(tmp_path, weights, source, **settings).skipped == 1


def test_run_upscaling_knows_other_weights(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, weights, source)
    other = write_interpolator(tmp_path / "other.pth", seed=1)
    with pytest.raises(DegradeError, match="other `weights`"):
        run(tmp_path, other, source)
    # Another photo's result does not stand in the way.
    assert run(tmp_path, other, *[photos(tmp_path, "z.png") / "z.png"]).done == 1
