"""Writers: one at a time, into the pool only, nothing half done on a full disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from degrade.errors import DegradeError, FolderInUseError
from degrade.kernels import gaussian_kernel
from degrade.noise import NoisePatch
from degrade.pool import DegradationPool
from tests.degrade.pool.parts import (
    PROVENANCE,
    SHA,
    flip_bit,
    fork,
    found_patches,
    index_lines,
    make_kernel,
    make_patch,
    make_photo,
    read_record,
)


def test_writing_excludes_a_second_process_and_then_sees_its_entries(
    pool: DegradationPool,
) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from degrade.pool import DegradationPool\n"
        "from tests.degrade.pool.parts import PROVENANCE, make_kernel\n"
        "pool = DegradationPool.open(Path(sys.argv[1]))\n"
        "with pool.writing():\n"
        "    pool.add_kernel(make_kernel(1), PROVENANCE)\n"
        "    print('holding', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, pool.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "holding\n"
        with pytest.raises(FolderInUseError, match=str(child.pid)):
            pool.add_kernel(make_kernel(2), PROVENANCE)
        assert len(DegradationPool.open(pool.path).kernels) == 1  # readers need no lock
        child.communicate("\n")
    pool.add_kernel(make_kernel(2), PROVENANCE)
    assert len(pool.kernels) == 2


def test_writing_may_be_nested_and_ends_after_an_error(pool: DegradationPool) -> None:
    with pytest.raises(KeyboardInterrupt), pool.writing(), pool.writing():
        pool.add_noise(make_patch(), PROVENANCE)
        raise KeyboardInterrupt
    other = DegradationPool.open(pool.path)
    other.add_noise(make_patch(1), PROVENANCE)
    assert len(other.noise) == 2


def test_add_findings_adds_what_the_single_steps_add(tmp_path: Path) -> None:
    photo = make_photo()
    found = found_patches(*(make_patch(seed) for seed in (0, 1, 0, 2)))
    assert found.objects is not None
    together, singly = (DegradationPool.create(tmp_path / name) for name in "ab")
    together.add_findings(photo, [found])
    singly.add_photo(photo)
    ids = tuple(
        singly.add_noise(item.content, found.provenance(item, photo))
        for item in found.objects
        if isinstance(item.content, NoisePatch)
    )
    (record,) = together.measurements
    assert record.objects == ids and ids[0] == ids[2] and len(set(ids)) == 3
    names = sorted(path.relative_to(singly.path) for path in singly.path.rglob("*.npy"))
    for name in names:
        assert (together.path / name).read_bytes() == (singly.path / name).read_bytes()
    assert index_lines(together)[:-1] == index_lines(singly)
    before = (together.path / "index.jsonl").read_bytes()
    together.add_findings(photo, [found])
    assert (together.path / "index.jsonl").read_bytes() == before
    assert DegradationPool.open(together.path).verify() == []


def test_add_findings_writes_measurements_after_their_objects(pool: DegradationPool) -> None:
    several = [
        found_patches(make_patch(0), make_patch(1), how=1),
        found_patches(make_patch(2), kind="other", how=1),
    ]
    pool.add_findings(make_photo(), several)
    entries = [read_record(pool, n)["entry"] for n in range(6)]
    assert entries == ["photo", "noise", "noise", "noise", "measurement", "measurement"]
    pool = DegradationPool.open(pool.path)
    (record,) = pool.measured("noise", {"how": 1}).values()
    ids = record.objects
    assert ids is not None and len(ids) == 2 and record.photo == SHA
    assert pool.measured("noise", {"how": 2}) == {} == pool.measured("kernel", {"how": 1})
    before = (pool.path / "index.jsonl").read_bytes()
    pool.add_findings(make_photo(), several)
    assert (pool.path / "index.jsonl").read_bytes() == before
    assert all(map(pool.has_sound, ids)) and not pool.has_sound("0" * 32)
    flip_bit(pool.path / "noise" / f"{ids[0]}.npy")
    assert not pool.has_sound(ids[0]) and pool.has_sound(ids[1])


def test_add_findings_mends_damage_and_adds_the_rest(pool: DegradationPool) -> None:
    pool.add_findings(make_photo(), [found_patches(make_patch(0))])
    flip_bit(pool.path / "noise" / f"{pool.noise[0].id}.npy")
    pool = DegradationPool.open(pool.path)
    pool.add_findings(make_photo(), [found_patches(make_patch(0), make_patch(1))])
    # The photo, two patches, and what was found: one, then two.
    assert pool.verify() == [] and len(pool.noise) == 2 and len(index_lines(pool)) == 5
    (record,) = pool.measurements
    assert record.objects is not None and len(record.objects) == 2


def test_add_findings_flushes_each_file_once_and_the_rest_once(
    pool: DegradationPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []

    def record_and_flush(descriptor: int, flush: Callable[[int], None] = os.fsync) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", record_and_flush)
    with pool.writing():
        flushed.clear()
        pool.add_findings(make_photo(), [found_patches(*(make_patch(n) for n in range(9)))])
    files, rest = flushed[:9], flushed[9:]
    assert len(set(files)) == 9 and all(name.endswith(".tmp") for name in files)
    assert rest == ["noise", "index.jsonl"]


def test_add_photos_flushes_once_and_writes_what_is_new(
    pool: DegradationPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [make_photo(f"{n}", f"{n:064x}", f"/{n}") for n in range(9)]
    moved = make_photo("moved", photos[0].sha256, "/elsewhere")
    pool.add_photo(photos[0])
    flushed: list[int] = []
    with pool.writing():
        monkeypatch.setattr(os, "fsync", flushed.append)
        pool.add_photos([*photos, moved])
        pool.add_photos(photos[1:])
        pool.add_photos([])
    assert len(flushed) == 1 and len(index_lines(pool)) == 10
    assert DegradationPool.open(pool.path).photos == (moved, *photos[1:])


def test_more_files_than_may_be_open_at_once_are_added(pool: DegradationPool) -> None:
    patches = [make_patch(n, size=8) for n in range(250)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        pool.add_findings(make_photo(), [found_patches(*patches)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(DegradationPool.open(pool.path).noise) == 250


def test_a_photo_for_which_the_disk_is_too_full_leaves_no_trace(pool: DegradationPool) -> None:
    pool.add_noise(make_patch(9), PROVENANCE)
    before = index_lines(pool)
    report = pool.path.parent / "report"

    def add_beyond_the_limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        small, large = make_patch(0, size=16), make_patch(1, size=64)
        mine = DegradationPool.open(pool.path)
        try:
            mine.add_findings(make_photo(), [found_patches(small, large)])
        except DegradeError as error:
            report.write_text(str(error))

    os.waitpid(fork(add_beyond_the_limit), 0)
    assert "cannot be written" in report.read_text()
    assert index_lines(pool) == before and not list(pool.path.rglob("*.tmp"))
    assert DegradationPool.open(pool.path).verify() == []


def test_a_full_disk_leaves_a_sound_pool(pool: DegradationPool) -> None:
    pool.add_noise(make_patch(0), PROVENANCE)
    size = (pool.path / "index.jsonl").stat().st_size
    report = pool.path.parent / "report"

    def add_beyond_the_limit() -> None:
        # The object files fit, the next index line does not: a disk that fills up between them.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
        mine = DegradationPool.open(pool.path)
        try:
            mine.add_kernel(gaussian_kernel(3, 2, (0.6, 0.6)), PROVENANCE)
        except DegradeError as error:
            report.write_text(str(error))

    os.waitpid(fork(add_beyond_the_limit), 0)
    assert "index.jsonl: cannot be written" in report.read_text()
    assert (pool.path / "index.jsonl").stat().st_size == size
    found = DegradationPool.open(pool.path)
    found.add_kernel(gaussian_kernel(3, 2, (0.6, 0.6)), PROVENANCE)
    assert found.verify() == [] and len(found.kernels) == 1


def test_a_pool_with_folders_that_lead_outside_is_not_written(
    pool: DegradationPool, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (pool.path / "kernels").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DegradeError, match="leads outside"):
        pool.add_kernel(make_kernel(), PROVENANCE)
    (pool.path / "kernels").unlink()
    (pool.path / "index.jsonl").unlink(missing_ok=True)
    (pool.path / "index.jsonl").symlink_to(tmp_path / "index")
    with pytest.raises(DegradeError, match="leads outside"):
        pool.add_kernel(make_kernel(), PROVENANCE)
    assert not list((tmp_path / "elsewhere").iterdir()) and not (tmp_path / "index").exists()
