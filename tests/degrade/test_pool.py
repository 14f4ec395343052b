"""The pool: what is added comes back, whatever kills, crowds or damages it in between."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import CorruptDataError, DegradeError, FolderInUseError, InvalidValueError
from degrade.kernels import BlurKernel, gaussian_kernel
from degrade.noise import NoisePatch, tile_residual
from degrade.pool import (
    DegradationPool,
    KernelRecord,
    NoiseRecord,
    Provenance,
    SourceRecord,
    object_files,
)
from degrade.pool.index_file import encode_line
from degrade.pool.object_files import content_id
from tests.making import fill_pool

SHA = "ab" * 32
PROVENANCE = Provenance(
    source_name="photos/IMG 1.jpg", source_sha256=SHA, box=(0, 16, 64, 64), method="kernelgan",
    settings='{"scale": 4, "seed": 0}', tool_version="0.1", statistics={"data term": 0.25},
)  # fmt: skip


def make_patch(seed: int = 0, size: int = 32, dtype: type = np.uint8) -> NoisePatch:
    rng = np.random.default_rng(seed)
    unit = np.iinfo(dtype).max / 255
    pixels = np.rint(rng.normal(90, 4, (size, size, 3)) * unit).astype(dtype)
    return NoisePatch(pixels, 16.0, 90.0, "a", (0, 0, size, size))


def make_kernel(seed: int = 0, scale: int = 4) -> BlurKernel:
    rng = np.random.default_rng(seed)
    width, height = (float(sigma) for sigma in rng.uniform(0.8, 2.5, 2))
    return gaussian_kernel(13, scale, (width, height), float(rng.uniform(0, 3)))


@pytest.fixture
def pool(tmp_path: Path) -> DegradationPool:
    return DegradationPool.create(tmp_path / "pool")


def index_lines(pool: DegradationPool) -> list[bytes]:
    return (pool.path / "index.jsonl").read_bytes().splitlines(keepends=True)


def with_crc(record: object) -> bytes:
    body = json.dumps(record)[1:].encode()
    return b'{"crc32": "%08x", ' % zlib.crc32(body) + body + b"\n"


def test_add_kernel_comes_back_bit_for_bit(pool: DegradationPool) -> None:
    for seed in range(20):
        kernel = make_kernel(seed)
        key = pool.add_kernel(kernel, PROVENANCE)
        found = DegradationPool.open(pool.path).read_kernel(key)
        np.testing.assert_array_equal(found.weights, kernel.weights)
        assert (found.scale, found.source) == (4, PROVENANCE.source_name)
        assert pool.add_kernel(found, PROVENANCE) == key  # read and added again: the same thing
    assert len(pool.kernels) == 20
    assert pool.kernels[0].provenance == PROVENANCE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_add_noise_comes_back_as_the_same_residual(pool: DegradationPool, dtype: type) -> None:
    patch = make_patch(dtype=dtype)
    key = pool.add_noise(patch, PROVENANCE)
    found = DegradationPool.open(pool.path)
    residual = found.read_residual(key)
    assert residual.dtype == np.float32
    np.testing.assert_array_equal(residual, patch.residual)
    assert np.abs(residual.mean(axis=(0, 1), dtype=np.float64)).max() < 1e-7
    (record,) = found.noise
    assert (record.size, record.variance, record.brightness) == (32, 16.0, 90.0)


def test_add_is_idempotent_and_ids_tell_content_apart(pool: DegradationPool) -> None:
    first = pool.add_kernel(make_kernel(), PROVENANCE)
    lines = index_lines(pool)
    other = dataclasses.replace(PROVENANCE, source_name="another")
    assert pool.add_kernel(make_kernel(), other) == first
    assert index_lines(pool) == lines
    assert pool.kernels[0].provenance == PROVENANCE
    assert pool.add_kernel(make_kernel(1), PROVENANCE) != first
    deep = make_patch(dtype=np.uint16)
    shallow = NoisePatch((deep.pixels // 257).astype(np.uint8), 16.0, 90.0, "a", deep.box)
    assert pool.add_noise(deep, PROVENANCE) != pool.add_noise(shallow, PROVENANCE)


def test_ids_depend_on_the_scale(pool: DegradationPool) -> None:
    weights = np.zeros((5, 5), np.float32)
    weights[2:4, 2:4] = 0.25
    two = pool.add_kernel(BlurKernel(weights, 2), PROVENANCE)
    shifted = np.zeros((5, 5), np.float32)
    shifted[3, 3] = 1
    three = pool.add_kernel(BlurKernel(shifted, 3), PROVENANCE)
    assert pool.index(2).kernel_ids == (two,) and pool.index(3).kernel_ids == (three,)
    assert pool.digest(2) != pool.digest(3)


def test_add_source_keeps_the_latest_place(pool: DegradationPool) -> None:
    pool.add_source(SourceRecord("a", SHA, "/old/a.jpg"))
    pool.add_source(SourceRecord("a", SHA, "/new/a.jpg"))
    pool.add_source(SourceRecord("a", SHA, "/new/a.jpg"))
    assert len(index_lines(pool)) == 2
    assert DegradationPool.open(pool.path).sources == (SourceRecord("a", SHA, "/new/a.jpg"),)


def test_names_of_any_bytes_survive(pool: DegradationPool) -> None:
    for name in (
        "日本語 ×.jpg",
        "new\nline\r.png",
        os.fsdecode(b"\xff\xfe.jpg"),
        "\u2028",
        "a\"b'",
    ):
        provenance = dataclasses.replace(PROVENANCE, source_name=name)
        key = pool.add_noise(make_patch(len(name)), provenance)
        found = {n.id: n for n in DegradationPool.open(pool.path).noise}
        assert found[key].provenance.source_name == name


def test_index_and_digest_do_not_depend_on_the_order_of_adding(tmp_path: Path) -> None:
    pools = []
    for name, order in (("a", (0, 1, 2)), ("b", (2, 0, 1))):
        one = DegradationPool.create(tmp_path / name)
        for seed in order:
            one.add_noise(make_patch(seed), PROVENANCE)
            one.add_kernel(make_kernel(seed), PROVENANCE)
        pools.append(one)
    assert pools[0].index(4) == pools[1].index(4)
    assert pools[0].digest(4) == pools[1].digest(4)
    before = pools[0].digest(4)
    pools[0].add_kernel(make_kernel(9, scale=2), PROVENANCE)
    assert pools[0].digest(4) == before
    pools[0].add_noise(make_patch(9), PROVENANCE)
    assert pools[0].digest(4) != before


def test_kernels_measured_tells_settings_apart(pool: DegradationPool) -> None:
    key = pool.add_kernel(make_kernel(), PROVENANCE)
    assert pool.kernels_measured(PROVENANCE.settings) == {SHA: key}
    assert pool.kernels_measured("{}") == {}


def test_read_residual_crop_equals_the_crop_of_the_whole(pool: DegradationPool) -> None:
    patch = make_patch(size=40)
    key = pool.add_noise(patch, PROVENANCE)
    for window in ((0, 0, 40, 40), (3, 7, 16, 20), (39, 39, 1, 1), (30, 20, 100, 64)):
        crop = pool.read_residual_crop(key, *window)
        np.testing.assert_array_equal(crop, tile_residual(patch.residual, *window))
        assert crop.shape == (*window[2:], 3) and crop.dtype == np.float32
    for window in ((-1, 0, 4, 4), (0, 0, 0, 4)):
        with pytest.raises(InvalidValueError):
            pool.read_residual_crop(key, *window)


def test_read_residual_crop_keeps_few_files_open(
    pool: DegradationPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_files, "_OPEN_MAPS", 4)
    with pool.writing():
        keys = [pool.add_noise(make_patch(seed, size=8), PROVENANCE) for seed in range(30)]
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(2):
        for seed, key in enumerate(keys):
            crop = pool.read_residual_crop(key, 1, 1, 4, 4)
            np.testing.assert_array_equal(crop, make_patch(seed, size=8).residual[1:5, 1:5])
    assert len(os.listdir("/proc/self/fd")) <= before + 4  # noqa: PTH208


def test_pool_pickles_without_its_handles(pool: DegradationPool) -> None:
    key = pool.add_noise(make_patch(), PROVENANCE)
    pool.read_residual_crop(key, 0, 0, 4, 4)
    data = pickle.dumps(pool)
    assert len(data) < 1000
    copy = pickle.loads(data)
    np.testing.assert_array_equal(copy.read_residual(key), pool.read_residual(key))


def test_unknown_ids_are_named(pool: DegradationPool) -> None:
    for read in (pool.read_kernel, pool.read_residual):
        with pytest.raises(InvalidValueError, match="nothing"):
            read("nothing")


def test_open_and_create_refuse_other_folders(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="no degradation pool"):
        DegradationPool.open(tmp_path / "missing")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(DegradeError, match="holds other files"):
        DegradationPool.create(tmp_path / "photos")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match="no pool can be made"):
        DegradationPool.create(tmp_path / "file")
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "degrade-pool", "version": 2}'])
def test_open_refuses_another_format(pool: DegradationPool, content: bytes) -> None:
    (pool.path / "pool.json").write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"pool\.json"):
        DegradationPool.open(pool.path)


def test_open_writes_nothing(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool")
    before = {p: p.stat().st_mtime_ns for p in [pool.path, *pool.path.rglob("*")]}
    found = DegradationPool.open(pool.path)
    found.read_kernel(found.kernels[0].id)
    assert found.verify() == []
    assert {p: p.stat().st_mtime_ns for p in [pool.path, *pool.path.rglob("*")]} == before


def test_a_torn_last_line_is_passed_over_and_cut(pool: DegradationPool) -> None:
    kept = [pool.add_noise(make_patch(seed), PROVENANCE) for seed in range(3)]
    index = pool.path / "index.jsonl"
    whole = index.read_bytes()
    last = len(whole) - len(index_lines(pool)[-1])
    for end in range(last, len(whole)):
        index.write_bytes(whole[:end])
        found = DegradationPool.open(pool.path)
        assert {record.id for record in found.noise} == set(kept[:2])
        assert index.read_bytes() == whole[:end]
    found.add_noise(make_patch(2), PROVENANCE)
    assert index.read_bytes() == whole
    assert DegradationPool.open(pool.path).verify() == []


def test_every_flipped_byte_of_the_index_is_noticed(
    pool: DegradationPool, rng: np.random.Generator
) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_source(SourceRecord("a", SHA, "/a"))
    index = pool.path / "index.jsonl"
    whole = index.read_bytes()
    for position in rng.permutation(len(whole) - 1)[:200]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        index.write_bytes(bytes(damaged))
        with pytest.raises(CorruptDataError, match=r"index\.jsonl, line \d"):
            DegradationPool.open(pool.path)


def _record(pool: DegradationPool, number: int) -> dict[str, object]:
    record = json.loads(index_lines(pool)[number])
    del record["crc32"]
    return record  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"id": "../../../etc/passwd"}), (0, {"id": "0" * 31 + "/"}), (0, {"id": 5}),
        (0, {"id": "A" * 32}), (0, {"id": "0" * 32 + "\n"}), (0, {"scale": 1}),
        (0, {"scale": 2.0}), (0, {"scale": True}), (0, {"size": -3}), (0, {"size": "13"}),
        (0, {"kind": "other"}), (0, {"kind": None}), (0, {"surprise": 1}),
        (0, {"provenance": None}), (0, {"provenance": {}}), (0, {"provenance": [1]}),
        (1, {"variance": float("nan")}), (1, {"variance": -1.0}), (1, {"brightness": 256.0}),
        (1, {"means": [1.0, 2.0]}), (1, {"means": [1.0, 2.0, 1e9]}), (1, {"means": "abc"}),
        (1, {"size": 7}), (2, {"sha256": "xyz"}), (2, {"path": None}), (2, {"name": 1}),
    ],
)  # fmt: skip
def test_open_checks_every_field(
    pool: DegradationPool, number: int, change: dict[str, object]
) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_source(SourceRecord("a", SHA, "/a"))
    DegradationPool.open(pool.path)
    crafted = with_crc({**_record(pool, number), **change})
    (pool.path / "index.jsonl").write_bytes(crafted)
    with pytest.raises(CorruptDataError, match="line 1: not a pool entry"):
        DegradationPool.open(pool.path)


@pytest.mark.parametrize(
    "change",
    [
        {"source_sha256": "abc"}, {"box": [0, 0, 1]}, {"box": [-1, 0, 4, 4]},
        {"box": [0, 0, 4, 0]}, {"box": [0.0, 0, 4, 4]}, {"statistics": {"a": float("inf")}},
        {"statistics": {"a": "1"}}, {"statistics": []}, {"settings": {}}, {"method": None},
        {"notes": "noisy"}, {"notes": [1]}, {"notes": None}, {"notes": {"a": 1}},
    ],
)  # fmt: skip
def test_open_checks_the_provenance(pool: DegradationPool, change: dict[str, object]) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    record = _record(pool, 0)
    record["provenance"] = {**record["provenance"], **change}  # type: ignore[dict-item]
    (pool.path / "index.jsonl").write_bytes(with_crc(record))
    with pytest.raises(CorruptDataError, match="not a pool entry"):
        DegradationPool.open(pool.path)


def test_notes_are_kept_and_written_only_when_there_are_any(pool: DegradationPool) -> None:
    noted = dataclasses.replace(PROVENANCE, notes=("too noisy", "clipped"))
    plain = pool.add_kernel(make_kernel(0), PROVENANCE)
    doubtful = pool.add_kernel(make_kernel(1), noted)
    assert "notes" not in _record(pool, 0)["provenance"]  # type: ignore[operator]
    found = {record.id: record.provenance for record in DegradationPool.open(pool.path).kernels}
    assert found == {plain: PROVENANCE, doubtful: noted}


def test_deeply_nested_json_is_refused(pool: DegradationPool) -> None:
    body = b'"kind": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    (pool.path / "index.jsonl").write_bytes(b'{"crc32": "%08x", ' % zlib.crc32(body) + body + b"\n")
    with pytest.raises(CorruptDataError, match="not a pool entry"):
        DegradationPool.open(pool.path)


def test_provenance_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(InvalidValueError, match="statistics"):
        dataclasses.replace(PROVENANCE, statistics={"loss": float("nan")})


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(bytes(data))


def _replace(path: Path) -> None:
    np.save(path, np.zeros((5, 5), np.float32))


def _as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_pickle(path: Path) -> None:
    np.save(path, np.array([{}]), allow_pickle=True)


def _claim_terabyte(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (2**19, 2**19)}
        )


def _lead_outside(path: Path) -> None:
    outside = path.parents[2] / "outside.npy"
    shutil.move(path, outside)
    path.symlink_to(outside)


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, _cut, _flip, _replace, _as_fifo, _as_pickle, _claim_terabyte, _lead_outside],
)
def test_damaged_objects_are_refused_and_named(
    pool: DegradationPool, damage: Callable[[Path], None]
) -> None:
    kernel, noise = make_kernel(), make_patch()
    ids = {
        "kernels": pool.add_kernel(kernel, PROVENANCE), "noise": pool.add_noise(noise, PROVENANCE)
    }  # fmt: skip
    pool.add_kernel(make_kernel(1), PROVENANCE)
    for folder, key in ids.items():
        damage(pool.path / folder / f"{key}.npy")
        found = DegradationPool.open(pool.path)
        with pytest.raises(DegradeError, match=key):
            if folder == "kernels":
                found.read_kernel(key)
            else:
                found.read_residual(key)
        if folder == "noise":
            with pytest.raises(DegradeError, match=key):
                found.read_residual_crop(key, 0, 0, 4, 4)
        assert any(key in line and "\n" not in line for line in found.verify())
    assert len(found.verify()) == 2


def test_adding_again_mends_a_damaged_object(pool: DegradationPool) -> None:
    noise = pool.add_noise(make_patch(), PROVENANCE)
    kernel = pool.add_kernel(make_kernel(), PROVENANCE)
    _flip(pool.path / "noise" / f"{noise}.npy")
    (pool.path / "kernels" / f"{kernel}.npy").unlink()
    lines = index_lines(pool)
    pool = DegradationPool.open(pool.path)
    assert len(pool.verify()) == 2
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_kernel(make_kernel(), PROVENANCE)
    assert pool.verify() == [] and index_lines(pool) == lines


def test_a_stored_kernel_that_breaks_the_rules_is_refused(pool: DegradationPool) -> None:
    for weights in (np.full((3, 3), np.nan), np.zeros((3, 3)), np.eye(5) / 5, np.ones((4, 4)) / 16):
        weights = weights.astype(np.float32)
        key = content_id(weights, 4)
        record = KernelRecord(key, 4, weights.shape[0], PROVENANCE)
        with pool.writing():
            pool._add(record, weights)
        with pytest.raises(CorruptDataError, match=key):
            pool.read_kernel(key)
    assert len(pool.verify()) == 4


def test_verify_notices_wrong_means(pool: DegradationPool) -> None:
    key = pool.add_noise(make_patch(), PROVENANCE)
    record = _record(pool, 0)
    record["means"] = [90.0, 90.0, 90.0]
    (pool.path / "index.jsonl").write_bytes(with_crc(record))
    (problem,) = DegradationPool.open(pool.path).verify()
    assert key in problem and "means" in problem


def test_merge_adds_what_is_missing_with_its_provenance(tmp_path: Path) -> None:
    one, two = (DegradationPool.create(tmp_path / name) for name in "ab")
    one.add_kernel(make_kernel(0), PROVENANCE)
    for seed in range(3):
        two.add_kernel(make_kernel(seed), PROVENANCE)
        two.add_noise(make_patch(seed), PROVENANCE)
    two.add_source(SourceRecord("a", SHA, "/a"))
    report = one.merge(two)
    assert (report.kernels, report.noise, report.sources) == (2, 3, 1)
    assert (one.kernels, one.noise, one.sources) == (two.kernels, two.noise, two.sources)
    assert DegradationPool.open(one.path).verify() == []
    again = one.merge(two)
    assert (again.kernels, again.noise, again.sources) == (0, 0, 0)


def test_merge_passes_no_damage_on(tmp_path: Path) -> None:
    one, two = (DegradationPool.create(tmp_path / name) for name in "ab")
    _flip(two.path / "noise" / f"{two.add_noise(make_patch(), PROVENANCE)}.npy")
    with pytest.raises(CorruptDataError):
        one.merge(DegradationPool.open(two.path))
    assert DegradationPool.open(one.path).noise == ()


def test_writing_excludes_a_second_process_and_then_sees_its_entries(
    pool: DegradationPool,
) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from degrade.pool import DegradationPool\n"
        "from tests.degrade.test_pool import PROVENANCE, make_kernel\n"
        "pool = DegradationPool.open(Path(sys.argv[1]))\n"
        "with pool.writing():\n"
        "    pool.add_kernel(make_kernel(1), PROVENANCE)\n"
        "    print('holding', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, pool.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=Path(__file__).parents[2],
    ) as child:  # fmt: skip
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


def _fork(work: Callable[[], None]) -> int:
    """Run ``work`` in a forked child that never returns into pytest; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def test_a_kill_at_any_moment_leaves_a_sound_pool(
    pool: DegradationPool, rng: np.random.Generator
) -> None:
    def add_for_ever() -> None:
        mine = DegradationPool.open(pool.path)
        with mine.writing():
            for seed in range(10**9):
                mine.add_noise(make_patch(seed, size=16), PROVENANCE)
                mine.add_kernel(make_kernel(seed), PROVENANCE)

    counts = [0]
    for _ in range(15):
        child = _fork(add_for_ever)
        time.sleep(float(rng.uniform(0.005, 0.12)))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        found = DegradationPool.open(pool.path)
        # At most the file of the one that was being added is there without its line.
        strays = [problem for problem in found.verify() if "not in index.jsonl" in problem]
        assert found.verify() == strays
        counts.append(len(found.noise) + len(found.kernels))
    assert counts == sorted(counts) and counts[-1] > 0
    # The next writer takes the dead one's lock over and clears away what it left.
    pool.add_noise(make_patch(size=24), PROVENANCE)
    assert not list((pool.path / "noise").glob("*.tmp"))
    assert len(DegradationPool.open(pool.path).noise) == len(pool.noise)


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

    os.waitpid(_fork(add_beyond_the_limit), 0)
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


def test_open_of_ten_thousand_entries_is_quick(pool: DegradationPool) -> None:
    lines = [
        NoiseRecord(f"{i:032x}", 64, i / 7, 90.0, (i / 300, 1 / 3, 2.5), PROVENANCE)
        for i in range(10_000)
    ]
    with (pool.path / "index.jsonl").open("wb") as file:
        for record in lines:
            file.write(encode_line(record))
    started = time.process_time()
    found = DegradationPool.open(pool.path)
    # Measured: 0.3 s on a core shared with other work. The bound leaves room for a slower one.
    assert time.process_time() - started < 1.0
    assert len(found.noise) == 10_000


def test_verify_names_files_that_a_cut_index_no_longer_knows(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", kernels=2, patches=1)
    assert pool.verify() == []
    index = tmp_path / "pool" / "index.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(lines[0])
    problems = DegradationPool.open(tmp_path / "pool").verify()
    assert len(problems) == 2 and all("not in index.jsonl" in problem for problem in problems)
