from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import DegradeError
from degrade.images.image_io import encode_png, quantise
from degrade.images.sources import SourceFile
from pipelines.executors import InProcessExecutor, ProcessExecutor, TaskResult, WorkerDiedError
from pipelines.shared.finding_photos import find_photos, scan_photos
from tests.making import make_scene


@pytest.fixture
def files(tmp_path: Path) -> list[SourceFile]:
    """Return 150 files: every tenth is no image, every seventh the same as the one before."""
    png = encode_png(quantise(make_scene("a", 12, 16)), level=1)
    paths = [tmp_path / f"{number:03d}.png" for number in range(150)]
    for number, path in enumerate(paths):
        text = b"" if number % 7 == 0 else str(number).encode()
        path.write_bytes(b"nothing" if number % 10 == 0 else png + text)
    return [SourceFile(path, path.name) for path in paths]


def test_scan_photos_gives_the_same_order_whoever_scans(files: list[SourceFile]) -> None:
    expected = scan_photos(files)
    assert [photo.name for photo in expected[0]] == [f.name for f in files if f.name[2] != "0"]
    assert [Path(reject.path).name for reject in expected[1]] == [
        file.name for file in files if file.name[2] == "0"
    ]
    seen: list[tuple[int, int]] = []
    found = scan_photos(
        files, executor=ProcessExecutor(2), on_progress=lambda *progress: seen.append(progress)
    )
    assert found == expected
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (150, 150) and len(seen) > 1


class _Fragile(InProcessExecutor):
    """Loses its worker over one file."""

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        for index, task in reversed([*enumerate(tasks)]):
            if any(file.name == "077.png" for file in task.files):
                yield TaskResult(index, None, WorkerDiedError("its worker was killed"))
            else:
                yield TaskResult(index, function(task))


def test_scan_photos_names_the_file_that_kills_its_worker(files: list[SourceFile]) -> None:
    photos, rejects = scan_photos(files)
    fewer, more = scan_photos(files, executor=_Fragile())
    assert fewer == [photo for photo in photos if photo.name != "077.png"]
    (lost,) = [reject for reject in more if reject not in rejects]
    assert Path(lost.path).name == "077.png" and lost.reason == "its worker was killed"


def test_find_photos_says_what_a_folder_without_photos_holds(tmp_path: Path) -> None:
    (tmp_path / "pool.json").touch()
    with pytest.raises(DegradeError, match=rf"no photo in {tmp_path}, which holds a degradation p"):
        find_photos([tmp_path])
