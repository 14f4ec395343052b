"""Bytes that change on disk: what is read is what was written, or an error that says where."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.degradation import Pair
from degrade.errors import CorruptDataError, DegradeError
from degrade.pairs import PairReader, open_pairs, verify_pairs, write_shard_list

NAMES = ("shard-00000", "manifest.json")
FLIPS = 200  # of each kind of shard; two kinds a format
PLAIN = ["hdf5-fixed", "hdf5-whole", "lmdb-raw-fixed", "lmdb-raw-whole"]


@dataclass(frozen=True)
class Small:
    """A finished folder of one shard and its pairs."""

    folder: Path
    files: tuple[str, ...]
    pairs: list[Pair]


@pytest.fixture
def small(case: Any, tmp_path: Path) -> Small:
    pairs = case.pairs(3)
    sidecar = case.write(tmp_path / "pairs", pairs)
    write_shard_list(tmp_path / "pairs", {"seed": 3})
    return Small(tmp_path / "pairs", sidecar.file_names, pairs)


def flips(folder: Path, seed: str) -> Iterator[str]:
    """Change a byte of a file, yield what was changed, and put the byte back."""
    chance = random.Random(seed)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    # As often a sidecar or the manifest as their size would have it in a folder of small pairs.
    sizes = [min(path.stat().st_size, 8000) for path in paths]
    for path in chance.choices(paths, sizes, k=FLIPS):
        offset, mask = chance.randrange(path.stat().st_size), chance.randrange(1, 256)
        with path.open("r+b", buffering=0) as file:
            descriptor = file.fileno()
            (value,) = os.pread(descriptor, 1, offset)
            os.pwrite(descriptor, bytes([value ^ mask]), offset)
            try:
                yield f"{path.name} byte {offset}"
            finally:
                os.pwrite(descriptor, bytes([value]), offset)


def assert_right_or_refused(reader: PairReader, small: Small, i: int) -> bool:
    """Read a pair by crops, then whole; return whether its pixels came."""
    pair = small.pairs[i]
    height, width, _ = pair.lr_u8.shape
    size = min(height, width) - 1
    try:
        for top, left in ((1, 0), (0, 1)):  # the first reads the whole pair, the second does not
            lr, hr = reader.read_crop(i, top, left, size)
            window = np.s_[top : top + size, left : left + size]
            np.testing.assert_array_equal(lr, pair.lr_u8[window])
            window = np.s_[3 * top : 3 * (top + size), 3 * left : 3 * (left + size)]
            np.testing.assert_array_equal(hr, pair.hr_u8[window])
        lr, hr = reader.read(i)
    except CorruptDataError as error:
        assert "shard-00000" in str(error) and "\n" not in str(error)
        if "crc32" in str(error):
            assert f"row {i}, key {pair.key}: " in str(error)
        return False
    np.testing.assert_array_equal(lr, pair.lr_u8)
    np.testing.assert_array_equal(hr, pair.hr_u8)
    return True


def test_a_flipped_byte_is_reported_and_never_fed(small: Small, case: Any) -> None:
    refused = 0
    for what in flips(small.folder, f"{case.format} {case.hr_size}"):
        found = [result for result in verify_pairs(small.folder) if result.problem]
        assert found, what
        assert all(result.shard in NAMES for result in found), what
        assert not any("\n" in str(result.problem) for result in found), what
        try:
            reader = open_pairs(small.folder)
        except DegradeError as error:
            assert any(name in str(error) for name in NAMES), what
            refused += 1
            continue
        with reader:
            came = [assert_right_or_refused(reader, small, i) for i in range(len(small.pairs))]
            refused += not all(came)
    # Slack between the pairs is read by verify only.
    assert refused > FLIPS // 4
    assert not [result for result in verify_pairs(small.folder) if result.problem]


@pytest.mark.parametrize("case", PLAIN, indirect=True)
def test_a_byte_that_flips_while_the_folder_is_read_breaks_nothing(small: Small) -> None:
    """Crops of a pair that was found sound are not checked again, but are always read safely."""
    with open_pairs(small.folder) as reader:
        for i in range(len(small.pairs)):
            reader.read(i)
        for what in flips(small.folder, "open"):
            for i, pair in enumerate(small.pairs):
                size = min(pair.lr_u8.shape[:2])
                lr, hr = reader.read_crop(i, 0, 0, size)
                changed = int((lr != pair.lr_u8[:size, :size]).sum())
                changed += int((hr != pair.hr_u8[: 3 * size, : 3 * size]).sum())
                assert changed <= 1, what


@pytest.mark.parametrize("case", PLAIN, indirect=True)
def test_a_file_that_is_cut_off_while_it_is_read_is_refused_by_row(small: Small) -> None:
    name = small.files[0]
    path = small.folder / name
    with open_pairs(small.folder) as reader:
        for i in range(len(small.pairs)):
            reader.read(i)
        for part in (0.7, 0.3, 0.0):
            os.truncate(path, int(path.stat().st_size * part))
            came = []
            for i in range(3):
                try:
                    lr, hr = reader.read_crop(i, 1, 1, 4)
                except CorruptDataError as error:
                    assert name.split("/")[0] in str(error)
                    assert f"row {i}, key {small.pairs[i].key}: " in str(error)
                    continue
                np.testing.assert_array_equal(lr, small.pairs[i].lr_u8[1:5, 1:5])
                np.testing.assert_array_equal(hr, small.pairs[i].hr_u8[3:15, 3:15])
                came.append(i)
            assert len(came) < 3
        assert not came
