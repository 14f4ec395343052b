from __future__ import annotations

from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.pairs import open_pairs
from degrade.pairs.stores import lmdb as lmdb_store
from degrade.pairs.stores import lmdb_folder

pytestmark = pytest.mark.parametrize("case", ["lmdb-raw-fixed", "lmdb-raw-whole"], indirect=True)


def test_lmdb_finds_the_bytes_of_the_images(built: Any) -> None:
    folder = built.folder / "shard-00000_HR.lmdb-raw"
    lines = (folder / "meta_info.txt").read_text(encoding="ascii").splitlines()
    environment = lmdb.open(str(folder), readonly=True, lock=False)
    with environment, environment.begin() as transaction:
        assert transaction.stat()["entries"] == len(lines) == 5
        for pair, line in zip(built.pairs[:5], lines, strict=True):
            height, width, _ = pair.hr_u8.shape
            assert line == f"{pair.key}.rgb ({height},{width},3) 0"
            assert transaction.get(pair.key.encode()) == pair.hr_u8.tobytes()


def test_shard_may_outgrow_its_map_and_its_batches(
    case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmdb_folder, "_MAP_SIZE", 2**14)
    monkeypatch.setattr(lmdb_folder, "_BATCH_SIZE", 3000)
    pairs = case.pairs(30) if case.hr_size else case.pairs(8)
    case.write(tmp_path, pairs)
    with open_pairs(tmp_path, allow_partial=True) as reader:
        for i, pair in enumerate(pairs):
            for _ in range(2):
                lr, hr = reader.read_crop(i, 1, 0, 3)
                np.testing.assert_array_equal(lr, pair.lr_u8[1:4, :3])
                np.testing.assert_array_equal(hr, pair.hr_u8[3:12, :9])


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_reader_refuses_values_of_another_size(built: Any, size: int) -> None:
    folder = built.folder / "shard-00000_HR.lmdb-raw"
    environment = lmdb.open(str(folder), map_size=2**30, lock=False)
    with environment, environment.begin(write=True) as transaction:
        transaction.put(built.pairs[2].key.encode(), bytes(size))
    sidecar = built.sidecars[0]
    reader = lmdb_store.open_store(built.folder, sidecar, "")
    np.testing.assert_array_equal(reader.read(sidecar.records[1])[1], built.pairs[1].hr_u8)
    box = (0, 0, 1, 1)
    for read in (reader.read, lambda record: reader.read_crop(record, box, box)):
        with pytest.raises(CorruptDataError, match=rf"row 2, key .*got {size}"):
            read(sidecar.records[2])
    reader.close()
