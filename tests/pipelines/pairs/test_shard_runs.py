"""How a run of shards ends, whatever job it is; see also the tests of the jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.images.image_io import quantise, write_png
from degrade.pairs import open_pairs, place_at
from pipelines import BuildPairsConfig, ImportPairsConfig, build_pairs, import_pairs
from pipelines.pairs.shard_runs import group_by_size
from pipelines.shared.reports import ProgressCallback
from tests.making import make_scene

Job = Callable[[Path, ProgressCallback], object]


@pytest.fixture(params=["build-pairs", "import-pairs"])
def job(request: pytest.FixtureRequest, tmp_path: Path, scenes: Path, pool: Path) -> Job:
    """Return a job that makes its shards in a folder."""
    images = tmp_path / "images"
    if request.param == "import-pairs":
        make_images(images)

    def run(out: Path, on_progress: ProgressCallback) -> object:
        if request.param == "import-pairs":
            importing = ImportPairsConfig(hr=images / "hr", lr=images / "lr", out=out)
            return import_pairs(importing, on_progress=on_progress)
        config = BuildPairsConfig(pool=pool, out=out, hr=(scenes,), scale=2, hr_size=64)
        return build_pairs(config, on_progress=on_progress)

    return run


def make_images(folder: Path) -> None:
    hr = quantise(make_scene("a", 32, 32))
    write_png(folder / "hr" / "a.png", hr)
    write_png(folder / "lr" / "a.png", hr[::2, ::2])


def content(out: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(out)): path.read_bytes() if path.is_file() else None
        for path in out.rglob("*")
    }


def test_a_run_that_lost_a_worker_leaves_what_an_undisturbed_one_does(
    tmp_path: Path, job: Job
) -> None:
    job(tmp_path / "quiet", lambda *_: None)
    out = tmp_path / "pairs"

    def lose_a_worker(_done: int, _total: int) -> None:
        (place_at(out).make_temporary_folder("shard-00000") / "shard-00000.h5.tmp").write_bytes(
            b"half"
        )

    job(out, lose_a_worker)
    assert content(out) == content(tmp_path / "quiet")


def test_a_run_whose_shards_are_taken_away_says_so(tmp_path: Path, job: Job) -> None:
    out = tmp_path / "pairs"

    def take_away(_done: int, _total: int) -> None:
        (out / "shard-00000.json").unlink(missing_ok=True)

    with pytest.raises(DegradeError, match="1 finished shard disappeared"):
        job(out, take_away)
    assert not (out / "manifest.json").exists()
    job(out, lambda *_: None)
    with open_pairs(out) as reader:
        assert len(reader) > 0


def test_a_folder_with_shards_of_no_known_run_is_refused(tmp_path: Path, job: Job) -> None:
    out = tmp_path / "pairs"
    out.mkdir()
    (out / "shard-00007.h5").write_bytes(b"")
    with pytest.raises(DegradeError, match=r"holds other files .*shard-00007"):
        job(out, lambda *_: None)
    assert list(out.iterdir()) == [out / "shard-00007.h5"]


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([], [[]]),
        ([3, 3, 4, 1], [[0, 1, 2], [3]]),
        ([30, 1, 9, 30], [[0], [1, 2], [3]]),
    ],
)
def test_group_by_size_fills_groups_in_order(sizes: list[int], groups: list[list[int]]) -> None:
    assert group_by_size(range(len(sizes)), sizes, 10) == groups
