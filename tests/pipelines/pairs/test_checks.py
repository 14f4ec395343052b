from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.pairs import open_pairs
from pipelines import BuildPairsConfig, build_pairs
from pipelines.pairs.checks import ReplayConfig, replay_pair, verify


def test_verify_of_a_run_that_has_not_ended_says_so(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    out = tmp_path / "pairs"
    build_pairs(BuildPairsConfig(pool=pool, hr=(scenes,), out=out, scale=2, hr_size=64))
    assert verify(out).done > 0
    (out / "manifest.json").unlink()
    with pytest.raises(
        DegradeError, match=r"\d sound pairs, but its run has not ended: there is no manifest"
    ):
        verify(out)
    next(out.glob("shard-*.h5")).unlink()
    with pytest.raises(DegradeError, match="is damaged"):
        verify(out)


def test_verify_says_what_lies_beside_the_pairs(tmp_path: Path, scenes: Path, pool: Path) -> None:
    out = tmp_path / "pairs"
    build_pairs(BuildPairsConfig(pool=pool, hr=(scenes,), out=out, scale=2, hr_size=64))
    assert not any("not of these pairs" in line for line in verify(out).lines)
    for name in ("notes.txt", "shard-00077.h5", ".hidden"):
        (out / name).touch()
    assert "not of these pairs, passed over: notes.txt, shard-00077.h5" in verify(out).lines


def test_verify_names_shards_and_rows_and_the_folder_once(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    out = tmp_path / "pairs"
    config = BuildPairsConfig(pool=pool, hr=(scenes,), out=out, scale=2, hr_size=64)
    build_pairs(replace(config, shard_mib=1))
    with open_pairs(out) as reader:
        assert reader.keys[0].startswith("scene")
    (path,) = out.glob("shard-00000.h5")
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data), len(data) // 5):
        data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(DegradeError) as caught:
        verify(out)
    text = str(caught.value)
    assert text.startswith(f"{out} is damaged, with ") and text.count(str(out)) == 1
    assert re.search(
        r": shard-00000\.h5: row \d+, key scene-\S+: .* \(and \d+ more there\); ", text
    )
    assert text.count("row ") == 1


def test_replay_says_how_to_find_a_pool_that_was_moved(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    out = tmp_path / "pairs"
    build_pairs(BuildPairsConfig(pool=pool, hr=(scenes,), out=out, scale=2, hr_size=64))
    with open_pairs(out) as reader:
        config = ReplayConfig(pairs=out, key=reader.keys[0])
    pool.rename(tmp_path / "moved")
    with pytest.raises(DegradeError, match=r"is not there; say where .*`pool=DIR`"):
        replay_pair(config)
    assert replay_pair(replace(config, pool=tmp_path / "moved")).identical


def test_replay_says_why_no_photo_or_pool_will_do(tmp_path: Path, scenes: Path, pool: Path) -> None:
    out = tmp_path / "pairs"
    build_pairs(BuildPairsConfig(pool=pool, hr=(scenes,), out=out, scale=2, hr_size=64))
    with open_pairs(out) as reader:
        config = ReplayConfig(pairs=out, key=reader.keys[0])
    (tmp_path / "empty").mkdir()
    for folder, why in (("nohr", "does not exist"), ("empty", "no photo in .*empty")):
        with pytest.raises(DegradeError, match=f"{why}.*; say where the photos .*`hr=DIR`"):
            replay_pair(replace(config, hr=(tmp_path / folder,)))
    other = max(scenes.iterdir())
    with pytest.raises(DegradeError, match="is not the only file looked at; say where"):
        replay_pair(replace(config, hr=(other,)))
    with pytest.raises(DegradeError, match=r"nopool: the pool .* is not there; say where it is"):
        replay_pair(replace(config, pool=tmp_path / "nopool"))
    (pool / "pool.json").write_text('{"format": "degrade-pool", "version": 1}')
    with pytest.raises(DegradeError) as caught:
        replay_pair(config)
    text = str(caught.value)
    assert text.startswith(f"{pool} is a pool of format version 1, and this degrade reads version")
    assert "measure the photos again" not in text and "the pool that they were made with" in text
