from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.images.image_io import encode_png
from degrade.pairs import open_pairs
from degrade.pairs.stores import lmdb as lmdb_store
from degrade.pairs.stores import lmdb_folder
from degrade.pairs.stores.lmdb_pages import LmdbFile
from tests.making import is_committed

pytestmark = pytest.mark.parametrize("case", ["lmdb-fixed", "lmdb-whole"], indirect=True)


def read_as_basicsr(folder: Path) -> dict[str, np.ndarray]:
    """Read one LMDB folder by BasicSR's published rules; returns BGR by key."""
    assert folder.suffix == ".lmdb"
    keys = []
    shapes = {}
    for line in (folder / "meta_info.txt").read_text(encoding="ascii").splitlines():
        found = re.fullmatch(r"([^.\s]+)\.png \((\d+),(\d+),(\d+)\) (\d)", line)
        assert found is not None, line
        keys.append(line.split(".")[0])
        shapes[keys[-1]] = tuple(map(int, found.groups()[1:4]))
    environment = lmdb.open(
        str(folder), readonly=True, lock=False, readahead=False, meminit=False, max_readers=1
    )
    images = {}
    with environment, environment.begin(write=False) as transaction:
        assert transaction.stat()["entries"] == len(keys)
        for key in keys:
            value = np.frombuffer(transaction.get(key.encode("ascii")), np.uint8)
            images[key] = cv2.imdecode(value, cv2.IMREAD_COLOR)
            assert images[key].shape == shapes[key]
    return images


def test_basicsr_reads_the_folders(built: Any) -> None:
    for index, pairs in enumerate((built.pairs[:5], built.pairs[5:])):
        hr = read_as_basicsr(built.folder / f"shard-{index:05d}_HR.lmdb")
        lr = read_as_basicsr(built.folder / f"shard-{index:05d}_LR.lmdb")
        assert list(hr) == list(lr) == [pair.key for pair in pairs]
        for pair in pairs:
            np.testing.assert_array_equal(hr[pair.key][..., ::-1], pair.hr_u8)
            np.testing.assert_array_equal(lr[pair.key][..., ::-1], pair.lr_u8)


def test_meta_info_is_as_the_field_has_it(built: Any) -> None:
    first = built.pairs[0]
    height, width, _ = first.lr_u8.shape
    text = (built.folder / "shard-00000_LR.lmdb" / "meta_info.txt").read_bytes()
    assert text.startswith(f"photo-0_0000.png ({height},{width},3) 1\n".encode())
    assert text.count(b"\n") == 5
    assert b"\r" not in text


def test_shard_may_outgrow_its_map_and_its_batches(
    case: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digests: Callable[[Path], dict[str, str]],
) -> None:
    monkeypatch.setattr(lmdb_folder, "_MAP_SIZE", 2**14)
    monkeypatch.setattr(lmdb_folder, "_BATCH_SIZE", 3000)
    pairs = case.pairs(30) if case.hr_size else case.pairs(10)
    for name in ("one", "two"):
        case.write(tmp_path / name, pairs)
        assert is_committed(tmp_path / name, case.spec())
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    with open_pairs(tmp_path / "one", allow_partial=True) as reader:
        for i, pair in enumerate(pairs):
            np.testing.assert_array_equal(reader.read(i)[1], pair.hr_u8)
    assert len(read_as_basicsr(tmp_path / "one" / "shard-00000_HR.lmdb")) == len(pairs)


def _replace_value(built: Any, row: int, value: bytes) -> None:
    """Put another value into HR with LMDB itself; sidecar and sizes are then made to agree."""
    environment = lmdb.open(str(built.folder / "shard-00000_HR.lmdb"), map_size=2**30, lock=False)
    with environment, environment.begin(write=True) as transaction:
        transaction.put(built.pairs[row].key.encode(), value)


def _read_hr(built: Any, row: int) -> np.ndarray:
    hr, lr = (built.folder / name for name in built.sidecars[0].entry_names)
    reader = lmdb_store.LmdbReader(hr, lr, built.sidecars[0])
    return reader.read(built.sidecars[0].records[row])[1]


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"text",
        _png(np.zeros((9000, 9000, 3), np.uint8)),  # a bomb: 243 MB of pixels
        _png(np.zeros((24, 24), np.uint8)),
        _png(np.zeros((24, 24, 4), np.uint8)),
        _png(np.zeros((24, 24, 3), np.uint16)),
        _png(np.zeros((24, 24, 3), np.uint8)),
        _png(np.zeros((12, 48, 3), np.uint8)),
        cv2.imencode(".jpg", np.zeros((24, 24, 3), np.uint8))[1].tobytes(),
    ],
    ids=["empty", "text", "bomb", "gray", "alpha", "16 bits", "other pixels", "shape", "jpeg"],
)
def test_reader_refuses_other_values(built: Any, value: bytes) -> None:
    _replace_value(built, 2, value)
    np.testing.assert_array_equal(_read_hr(built, 1), built.pairs[1].hr_u8)
    with pytest.raises(CorruptDataError, match=rf"row 2, key {built.pairs[2].key}: "):
        _read_hr(built, 2)


def test_reader_refuses_other_keys(built: Any) -> None:
    environment = lmdb.open(str(built.folder / "shard-00000_HR.lmdb"), map_size=2**30, lock=False)
    with environment, environment.begin(write=True) as transaction:
        transaction.put(b"one-more", encode_png(built.pairs[0].hr_u8))
    with pytest.raises(CorruptDataError, match=r"_HR\.lmdb: its keys are not those"):
        _read_hr(built, 0)


def test_pages_agree_with_lmdb(case: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    """Trees of every depth, with values in leaves and beyond, after updates and deletions."""
    values = {}
    for i in range(700 if case.hr_size else 40):
        key = f"{i:05d}".encode() + b"k" * int(rng.integers(240))
        values[key] = rng.bytes(int(rng.choice([0, 1, 7, 900, 1990, 2030, 4080, 4081, 20_000])))
    environment = lmdb.open(str(tmp_path / "a"), map_size=2**30, lock=False, sync=False)
    with environment:
        for batch in range(3):
            with environment.begin(write=True) as transaction:
                for i, (key, value) in enumerate(values.items()):
                    if i % 3 <= batch:
                        transaction.put(key, value[batch:])
        with environment.begin(write=True) as transaction:
            for key in list(values)[::5]:
                transaction.delete(key)
        with environment.begin() as transaction:
            expected = {bytes(key): bytes(value) for key, value in transaction.cursor()}
    file = LmdbFile(tmp_path / "a" / "data.mdb")
    assert len(expected) > 30
    assert file.keys == tuple(expected)
    assert {key: file.read(key) for key in file.keys} == expected
    for key, value in expected.items():
        start, size = file.find(key)
        assert os.pread(file.descriptor, size, start) == value
    file.close()
