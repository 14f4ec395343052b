from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.pairs import open_pairs, reader
from tests.making import open_below

pytestmark = pytest.mark.parametrize("case", ["hdf5-fixed", "lmdb-whole"], indirect=True)


def test_open_pairs_says_that_a_run_has_not_ended(built: Any) -> None:
    (built.folder / "manifest.json").unlink()
    with pytest.raises(
        DegradeError, match=r"has 2 finished shards but no manifest.*run build-pairs"
    ):
        open_pairs(built.folder)
    with open_pairs(built.folder, allow_partial=True) as partial:
        assert len(partial) == 9
        assert partial.run == {}
        np.testing.assert_array_equal(partial.read(7)[0], built.pairs[7].lr_u8)


def test_open_pairs_refuses_other_folders(case: Any, tmp_path: Path) -> None:
    for allow_partial in (False, True):
        with pytest.raises(DegradeError, match="holds no pairs"):
            open_pairs(tmp_path, allow_partial=allow_partial)
        with pytest.raises(DegradeError, match="missing: is not there; check the path"):
            open_pairs(tmp_path / "missing", allow_partial=allow_partial)


def test_open_pairs_refuses_a_shard_that_the_manifest_does_not_list(built: Any) -> None:
    built.case.write(built.folder, built.pairs[5:8], 1)
    with pytest.raises(CorruptDataError, match=r"shard-00001\.json: is not the one"):
        open_pairs(built.folder)


def test_open_pairs_opens_no_shard(built: Any) -> None:
    """A damaged one is met when it is read, and the others can be read."""
    path = built.folder / built.sidecars[0].file_names[0]
    path.write_bytes(bytes(path.stat().st_size))
    with open_pairs(built.folder) as pairs:
        np.testing.assert_array_equal(pairs.read(5)[1], built.pairs[5].hr_u8)
        with pytest.raises(CorruptDataError, match="shard-00000"):
            pairs.read(0)


def test_reader_keeps_few_files_open(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def count_open() -> int:
        return len(open_below(built.folder))

    monkeypatch.setattr(reader, "_OPEN_SHARDS", 1)
    with open_pairs(built.folder) as pairs:
        assert count_open() == 0
        pairs.read(0)
        opened = count_open()
        for i in (8, 0, 8, 1):
            np.testing.assert_array_equal(pairs.read(i)[0], built.pairs[i].lr_u8)
            assert count_open() == opened
    assert count_open() == 0
    assert pairs.read(0)
    pairs.close()


def test_find_names_what_is_not_there(built: Any) -> None:
    with (
        open_pairs(built.folder) as pairs,
        pytest.raises(InvalidValueError, match="the key nothing; keys look like"),
    ):
        pairs.find("nothing")
