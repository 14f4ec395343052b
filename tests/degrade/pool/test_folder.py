from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.pool import DegradationPool, remove_if_unused
from tests.making import fill_pool


def test_remove_if_unused_removes_a_pool_that_nothing_was_added_to(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    with pool.writing():
        pass
    remove_if_unused(pool.path)
    assert not pool.path.exists()


@pytest.mark.parametrize("extra", ["notes.txt", "noise/mine.npy", "index.jsonl"])
def test_remove_if_unused_leaves_what_holds_anything(tmp_path: Path, extra: str) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    with pool.writing():
        pass
    (pool.path / extra).write_bytes(b"mine")
    before = sorted(pool.path.rglob("*"))
    remove_if_unused(pool.path)
    assert sorted(pool.path.rglob("*")) == before


def test_remove_if_unused_leaves_a_pool_with_entries(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool")
    remove_if_unused(pool.path)
    assert len(DegradationPool.open(pool.path).kernels) == 3


@pytest.mark.parametrize(
    ("holds", "told", "untold"),
    [
        (None, "does not exist", "pool=NEW"),
        ((), "is no degradation pool; make one: `degrade build-pool SRC pool=", "pool=NEW"),
        (("run.json", "a.png"), "holds other files (a.png, run.json)", "pool=pairs"),
    ],
)
def test_open_says_what_is_there_instead_of_a_pool(
    tmp_path: Path, holds: tuple[str, ...] | None, told: str, untold: str
) -> None:
    folder = tmp_path / "pairs"
    for name in holds or ():
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    if holds == ():
        folder.mkdir()
    with pytest.raises(DegradeError) as caught:
        DegradationPool.open(folder)
    assert told in str(caught.value) and untold not in str(caught.value).replace(str(folder), "…")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"format": "degrade-pool", "version": 1}', "of format version 1"),
        ('{"format": "degrade-pool", "version": 3}', "version 3.*made by a newer degrade"),
        ('{"format": "degrade-pool", "version": 0}', "is damaged .*version 0,"),
        ('{"format": "degrade-pool", "version": -1}', "is damaged .*version -1,"),
        ('{"format": "other\\u001b", "version": 2}', "not of format degrade-pool, got other"),
    ],
)
def test_open_says_of_which_version_a_pool_is(tmp_path: Path, content: str, told: str) -> None:
    fill_pool(tmp_path / "pool")
    (tmp_path / "pool" / "pool.json").write_text(content)
    with pytest.raises(DegradeError, match=told) as caught:
        DegradationPool.open(tmp_path / "pool")
    assert str(caught.value).isprintable() and "_Format" not in str(caught.value)
