"""The conformance suite: what every way to store pairs must do, whatever the sizes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import CorruptDataError, InvalidValueError
from degrade.images.image_io import encode_png
from degrade.pairs import (
    LocalPlace,
    create_shard,
    open_pairs,
    place_at,
    verify_pairs,
    write_shard_list,
)
from degrade.pairs.stores.base import load_store
from tests.making import is_committed


def problems(folder: Path) -> list[str]:
    return [result.problem for result in verify_pairs(folder) if result.problem is not None]


def assert_same(pixels: tuple[np.ndarray, np.ndarray], pair: Any) -> None:
    np.testing.assert_array_equal(pixels[0], pair.lr_u8, strict=True)
    np.testing.assert_array_equal(pixels[1], pair.hr_u8, strict=True)


def pixel_places(built: Any) -> list[tuple[Path, int, int]]:
    """Return (file, row, offset of a stored byte) for HR of each pair of the first shard."""
    store, places = built.sidecars[0], []
    path = built.folder / store.file_names[0]
    content = path.read_bytes()
    for record, pair in zip(store.records, built.pairs, strict=False):
        is_png = store.format == "lmdb"
        png = encode_png(pair.hr_u8, level=1, quickly=True)
        stored = png if is_png else pair.hr_u8.tobytes()
        places.append((path, record.row, content.index(stored) + len(stored) // 2))
    return places


def flip(path: Path, offset: int, bit: int = 3) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.write_bytes(content)


class TestRoundTrip:
    def test_read_returns_what_was_added(self, built: Any) -> None:
        with open_pairs(built.folder) as reader:
            assert len(reader) == len(built.pairs)
            assert reader.keys == tuple(pair.key for pair in built.pairs)
            assert (reader.scale, reader.hr_size) == (3, built.case.hr_size)
            assert reader.run == {"config": {"seed": 3, "scale": 3}}
            for i in [4, 0, 8, 5, 3]:
                assert_same(reader.read(i), built.pairs[i])
                assert reader.records[i].plan == built.pairs[i].plan
                assert reader.find(built.pairs[i].key) == i

    def test_read_gives_arrays_that_the_caller_owns(self, built: Any) -> None:
        with open_pairs(built.folder) as reader:
            for pixels in (*reader.read(0), *reader.read_crop(0, 1, 1, 2)):
                pixels[:] = 0
            assert_same(reader.read(0), built.pairs[0])

    def test_read_crop_is_aligned(self, built: Any, rng: np.random.Generator) -> None:
        with open_pairs(built.folder) as reader:
            for _ in range(40):
                i = int(rng.integers(len(reader)))
                height, width, _ = built.pairs[i].lr_u8.shape
                size = int(rng.integers(1, min(height, width) + 1))
                top = int(rng.integers(height - size + 1))
                left = int(rng.integers(width - size + 1))
                lr, hr = reader.read_crop(i, top, left, size)
                lr_window = np.s_[top : top + size, left : left + size]
                hr_window = np.s_[3 * top : 3 * (top + size), 3 * left : 3 * (left + size)]
                np.testing.assert_array_equal(lr, built.pairs[i].lr_u8[lr_window], strict=True)
                np.testing.assert_array_equal(hr, built.pairs[i].hr_u8[hr_window], strict=True)

    @pytest.mark.parametrize(("top", "left", "size"), [(-1, 0, 2), (0, 0, 0), (0, 9, 4), (7, 0, 5)])
    def test_read_crop_refuses_what_leaves_the_image(
        self, built: Any, top: int, left: int, size: int
    ) -> None:
        with open_pairs(built.folder) as reader, pytest.raises(InvalidValueError, match="leaves"):
            reader.read_crop(0, top, left, size)

    @pytest.mark.parametrize("number", [-1, 9])
    def test_read_refuses_numbers_that_are_not_there(self, built: Any, number: int) -> None:
        with open_pairs(built.folder) as reader, pytest.raises(InvalidValueError, match="not one"):
            reader.read(number)

    def test_shard_may_be_empty(self, case: Any, tmp_path: Path) -> None:
        assert case.write(tmp_path, []).records == ()
        assert is_committed(tmp_path, case.spec())
        assert len(open_pairs(tmp_path, allow_partial=True)) == 0

    def test_digest_does_not_depend_on_the_format(self, built: Any, tmp_path: Path) -> None:
        other = "lmdb" if built.case.format == "hdf5" else "hdf5"
        twin = type(built.case)(other, built.case.hr_size)
        assert twin.write(tmp_path / "twin", built.pairs[:5]).digest == built.sidecars[0].digest

    def test_check_all_knows_the_files_that_it_has_read_whole(self, built: Any) -> None:
        sidecar = built.sidecars[0]
        store = load_store(sidecar.format).open_store(built.folder, sidecar, "")
        with contextlib.closing(store):
            found = store.check_all(sidecar.records)
            again = store.check_all(sidecar.records[1:3])
        known = {file.name: file.crc32 for file in sidecar.files}
        assert found == again == ({} if "lmdb" in sidecar.format else known)

    def test_check_all_finds_every_changed_pair(self, built: Any) -> None:
        for path, row, offset in pixel_places(built):
            flip(path, offset)
            store = load_store(built.case.format).open_store(built.folder, built.sidecars[0], "")
            record = built.sidecars[0].records[row]
            with contextlib.closing(store):
                with pytest.raises(CorruptDataError, match=record.key):
                    store.check_all(built.sidecars[0].records)
                store.check_all(built.sidecars[0].records[:row])
            flip(path, offset)


class TestProcesses:
    def test_pickled_reader_reads(self, built: Any) -> None:
        with open_pairs(built.folder) as reader:
            reader.read(0)
            with pickle.loads(pickle.dumps(reader)) as copy:
                assert_same(copy.read(6), built.pairs[6])
                assert_same(reader.read(6), built.pairs[6])

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    @pytest.mark.parametrize("case", ["hdf5-fixed", "lmdb-fixed", "lmdb-raw-fixed"], indirect=True)
    def test_other_processes_read(self, built: Any, method: str) -> None:
        with open_pairs(built.folder) as reader:
            reader.read(0)
            with multiprocessing.get_context(method).Pool(1) as pool:
                for i, pixels in enumerate(pool.map(reader.read, range(len(reader)))):
                    assert_same(pixels, built.pairs[i])
            assert_same(reader.read(1), built.pairs[1])

    def test_fork_does_not_share_handles(self, built: Any) -> None:
        with open_pairs(built.folder) as reader:
            reader.read(0)
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    assert_same(reader.read(2), built.pairs[2])
                    reader.close()
                    assert_same(reader.read(7), built.pairs[7])
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
            assert_same(reader.read(7), built.pairs[7])

    @pytest.mark.parametrize("case", ["hdf5-whole", "lmdb-raw-fixed"], indirect=True)
    def test_each_process_and_copy_tests_the_checksums_itself(self, built: Any) -> None:
        path, row, _ = pixel_places(built)[2]
        with open_pairs(built.folder) as reader:
            reader.read_crop(row, 0, 0, 3)
            pixels = built.pairs[row].hr_u8.tobytes()
            flip(path, path.read_bytes().index(pixels) + len(pixels) - 1)  # outside the crop
            assert reader.read_crop(row, 0, 0, 3)
            with pytest.raises(CorruptDataError, match=r"row 2, key photo-0_0002: .*crc32"):
                pickle.loads(pickle.dumps(reader)).read_crop(row, 0, 0, 3)
            with (
                multiprocessing.get_context("fork").Pool(1) as pool,
                pytest.raises(CorruptDataError, match=r"row 2, key photo-0_0002: .*crc32"),
            ):
                pool.apply(reader.read_crop, (row, 0, 0, 3))

    def test_two_readers_in_one_process(self, built: Any) -> None:
        with open_pairs(built.folder) as one, open_pairs(built.folder) as two:
            assert_same(one.read(0), built.pairs[0])
            assert_same(two.read(0), built.pairs[0])


_WRITE_AGAIN = """
import pickle, sys
from pathlib import Path
from degrade.pairs import create_shard, write_shard_list
for name, spec, pairs in pickle.load(open(sys.argv[1], "rb")):
    folder = Path(sys.argv[2], name)
    with create_shard(folder, spec) as writer:
        for pair in pairs:
            writer.add(pair)
        writer.commit(sources=[{"name": "photo.jpg", "sha256": "5" * 64}])
    write_shard_list(folder, {"seed": 3})
"""


class TestCommit:
    def test_same_pairs_give_the_same_bytes(
        self,
        cases: dict[str, Any],
        tmp_path: Path,
        digests: Callable[[Path], dict[str, str]],
    ) -> None:
        work = []
        for name, case in cases.items():
            case.write(tmp_path / "first" / name, case.pairs())
            write_shard_list(tmp_path / "first" / name, {"seed": 3})
            work.append((name, case.spec(), case.pairs()))
        (tmp_path / "work").write_bytes(pickle.dumps(work))
        # Another process, other hashes, other memory: every malloc filled with a pattern.
        subprocess.run(
            [sys.executable, "-c", _WRITE_AGAIN, tmp_path / "work", tmp_path / "again"],
            env=os.environ | {"MALLOC_PERTURB_": "165", "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
            check=True,
        )
        assert len(digests(tmp_path / "first")) == 2 * 3 + 4 * 6
        assert digests(tmp_path / "again") == digests(tmp_path / "first")

    def test_leaving_without_commit_leaves_nothing(self, case: Any, tmp_path: Path) -> None:
        with create_shard(tmp_path, case.spec()) as writer:
            for pair in case.pairs():
                writer.add(pair)
        assert list(tmp_path.iterdir()) == []
        assert not is_committed(tmp_path, case.spec())

    def test_error_while_writing_leaves_the_committed_shard(
        self, built: Any, digests: Callable[[Path], dict[str, str]]
    ) -> None:
        before = digests(built.folder)
        writing = create_shard(built.folder, built.case.spec())
        with pytest.raises(KeyError), writing as writer:
            writer.add(built.pairs[0])
            raise KeyError
        assert digests(built.folder) == before

    @pytest.mark.parametrize("backwards", [True, False])
    def test_keys_must_ascend(self, case: Any, tmp_path: Path, backwards: bool) -> None:
        first, second = case.pairs(2)
        with create_shard(tmp_path, case.spec()) as writer:
            writer.add(second)
            with pytest.raises(InvalidValueError, match=r"ascending key order.*photo-0_0001"):
                writer.add(first if backwards else second)

    # Where a run can be killed: while it adds, and around each step of the commit.
    @pytest.mark.parametrize("step", ["add", "_check", "unlink", "replace 1", "replace last"])
    def test_kill_leaves_a_shard_that_the_next_run_makes(
        self,
        built: Any,
        step: str,
        digests: Callable[[Path], dict[str, str]],
    ) -> None:
        before, spec = digests(built.folder), built.case.spec()
        child = os.fork()
        if child == 0:
            try:
                _write_and_die(built, step)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        # Until the old sidecar goes, the old shard counts and is whole; then none does.
        if step.startswith("replace"):
            assert not is_committed(built.folder, spec)
        else:
            assert before.items() <= digests(built.folder).items()
            assert is_committed(built.folder, spec)
        built.case.write(built.folder, built.pairs[:5])
        with place_at(built.folder).hold():  # removes what the killed process left
            assert digests(built.folder).keys() - before.keys() == {".lock"}
        assert digests(built.folder) == before


def _write_and_die(built: Any, step: str) -> None:
    """Write other content for the first shard, and kill this process just before a step."""
    from degrade.pairs import shards

    def die(*_arguments: Any, **_keywords: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def replace_or_die(self: Path, target: Path, *, replace: Any = Path.replace) -> None:
        is_first = target.name == "shard-00000.h5" or target.parent.name.startswith("shard-00000_")
        is_last = target == built.folder / "shard-00000.json"
        if is_last if step == "replace last" else is_first:
            die()
        replace(self, target)

    with create_shard(built.folder, built.case.spec()) as writer:
        for pair in built.pairs[:3]:
            writer.add(pair)
        if step == "add":
            die()
        if step == "_check":
            shards.ShardWriter._check = die  # type: ignore[method-assign]
        elif step == "unlink":
            LocalPlace.remove = die  # type: ignore[method-assign]
        else:
            Path.replace = replace_or_die  # type: ignore[method-assign,assignment]
        writer.commit(sources=[{"name": "photo.jpg", "sha256": "5" * 64}])


class TestDamage:
    def test_flipped_pixel_is_found_by_read_and_verify(self, built: Any) -> None:
        assert problems(built.folder) == []
        path, row, offset = pixel_places(built)[2]
        flip(path, offset)
        key = built.pairs[row].key
        with open_pairs(built.folder) as reader:
            for i in (0, 1, 3, 4, 5):
                assert_same(reader.read(i), built.pairs[i])
            with pytest.raises(CorruptDataError, match=f"shard-00000.*row 2, key {key}"):
                reader.read(row)
        bad = [r for r in verify_pairs(built.folder) if r.problem and r.row is not None]
        assert [(r.shard, r.row, r.key) for r in bad] == [("shard-00000", 2, key)]

    def test_flipped_structure_is_reported_and_never_read(self, built: Any) -> None:
        """The bytes between the pixels, where damage leads a reader astray."""
        chance = random.Random(1)
        path = built.folder / built.sidecars[0].file_names[0]
        content = path.read_bytes()
        places = list(range(min(len(content), 8192)))
        if built.case.format != "hdf5":
            pages = range(0, len(content), 4096)
            places = [page + i for page in pages for i in range(32)] + list(range(3900, 4096))
        for _ in range(60):
            flip(path, chance.choice(places), chance.randrange(8))
            try:
                assert problems(built.folder)
                _read_what_can_be_read(built)
            finally:
                path.write_bytes(content)

    @pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 1.1])
    def test_file_of_another_length_is_refused(self, built: Any, part: float) -> None:
        for name in built.sidecars[1].file_names:
            path = built.folder / name
            content = path.read_bytes()
            path.write_bytes((content * 2)[: int(len(content) * part)])
            assert not is_committed(built.folder, built.case.spec(1))
            assert any(name in problem for problem in problems(built.folder))
            with pytest.raises(CorruptDataError, match=r"has \d+ bytes"):
                open_pairs(built.folder)
            path.write_bytes(content)
        assert is_committed(built.folder, built.case.spec(1))

    def test_missing_files_are_reported(self, built: Any) -> None:
        for name in [*built.sidecars[0].file_names, "shard-00000.json", "manifest.json"]:
            path = built.folder / name
            content = path.read_bytes()
            path.unlink()
            assert any(name in problem for problem in problems(built.folder))
            with pytest.raises((CorruptDataError, Exception), match=name.split("/")[-1]):
                open_pairs(built.folder)
            path.write_bytes(content)

    def test_file_that_goes_while_it_is_open_for_reading(self, built: Any) -> None:
        with open_pairs(built.folder) as reader:
            path = built.folder / built.sidecars[1].file_names[0]
            path.unlink()
            assert_same(reader.read(0), built.pairs[0])
            with pytest.raises(CorruptDataError, match="shard-00001"):
                reader.read(8)

    def test_link_out_of_the_folder_is_refused(self, built: Any, tmp_path: Path) -> None:
        path = built.folder / built.sidecars[0].file_names[0]
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        assert not is_committed(built.folder, built.case.spec())
        assert any("leads outside" in problem for problem in problems(built.folder))
        with pytest.raises(Exception, match="leads outside"):
            open_pairs(built.folder)


def _read_what_can_be_read(built: Any) -> None:
    """Read all pairs of a damaged folder: each is right, or is refused."""
    try:
        reader = open_pairs(built.folder)
    except CorruptDataError:
        return
    with reader:
        for i, pair in enumerate(built.pairs):
            try:
                assert_same(reader.read(i), pair)
            except CorruptDataError as error:
                assert "\n" not in str(error)
