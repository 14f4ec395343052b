from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.sources import SourceFile
from pipelines.upscaling_results import choose_results


def chosen(tmp_path: Path, *names: str, suffix: str = "", ending: str = ".png") -> list[str]:
    files = [SourceFile(Path(f"/photos/{n}/{name}"), name) for n, name in enumerate(names)]
    results = choose_results(tmp_path, files, suffix=suffix, ending=ending)
    assert list(results) == [file.path for file in files]
    return [str(path.relative_to(tmp_path)) for path in results.values()]


def test_choose_results_keeps_folders_and_names(tmp_path: Path) -> None:
    names = ("a b.jpg", "sub/c.d.TIF", "no ending", "ü\n.png")
    assert chosen(tmp_path, *names) == ["a b.png", "sub/c.d.png", "no ending.png", "ü\n.png"]
    assert chosen(tmp_path, "a.png", suffix="_x4", ending=".jpg") == ["a_x4.jpg"]


def test_choose_results_keeps_apart_what_would_be_one_file(tmp_path: Path) -> None:
    assert chosen(tmp_path, "a.jpg", "a.png", "b.png") == ["a.jpg.png", "a.png.png", "b.png"]
    assert chosen(tmp_path, "a.jpg", "a.jpg") == ["a.jpg.png", "a.jpg-2.png"]
    # On some file systems these are one name.
    assert chosen(tmp_path, "A.jpg", "a.jpg") == ["A.jpg.png", "a.jpg-2.png"]
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
        with pytest.raises(DegradeError, match=r"a\.png is a source"):
            choose_results(tmp_path, files, suffix="", ending=".png")
