"""Pairs in an object store are those of a folder, whatever happens on the way there."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from degrade.errors import ChangedConfigError, DegradeError, FolderInUseError, UnreachableError
from degrade.pairs import place_at
from degrade.places import remote as remote_place
from pipelines import BuildPairsConfig, build_pairs
from pipelines.cli import main
from pipelines.executors import ProcessExecutor
from pipelines.pairs.checks import verify
from tests.object_stores import S3Server, objects, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def url(s3: S3Server, tmp_path: Path) -> str:
    return f"s3://bucket/{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}/pairs"


@pytest.fixture
def config(tmp_path: Path, scenes: Path, pool: Path) -> BuildPairsConfig:
    return BuildPairsConfig(
        pool=pool, out=tmp_path / "local", hr=(scenes,), scale=2, hr_size=64, shard_mib=1, seed=7
    )


def local(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock.mdb")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("format", ["hdf5", "lmdb"])
def test_build_pairs_at_a_url_gives_the_bytes_of_a_folder(
    config: BuildPairsConfig, url: str, format: str
) -> None:
    config = replace(config, format=format)
    build_pairs(config)
    there = replace(config, out=url)
    executor = ProcessExecutor(2) if format == "hdf5" else None
    report = build_pairs(there, executor=executor)
    assert url in report.summary()
    assert objects(url) == local(Path(config.out))
    again = build_pairs(there)
    assert (again.done, again.skipped) == (0, report.done)
    assert verify(url).done == report.done


def test_build_pairs_at_any_fsspec_url(config: BuildPairsConfig) -> None:
    pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    build_pairs(config)
    build_pairs(replace(config, out="memory://somewhere/pairs"))
    assert objects("memory://somewhere/pairs") == local(Path(config.out))


def test_commands_take_urls(config: BuildPairsConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    arguments = ["--pool", str(config.pool), "--hr", str(config.hr[0]), "--scale", "2"]
    arguments += ["--hr-size", "64", "--jobs", "1", "--out", "memory://commands/pairs"]
    built = CliRunner().invoke(main, ["build-pairs", *arguments])
    assert built.exit_code == 0 and "shard in memory://commands/pairs" in built.output
    checked = CliRunner().invoke(main, ["verify", "memory://commands/pairs"])
    assert checked.exit_code == 0 and "sound pair" in checked.output
    replayed = CliRunner().invoke(main, ["replay", "memory://commands/pairs", "x"])
    assert replayed.exit_code == 1 and "copy them first" in replayed.output
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    for command in (["build-pairs", *arguments], ["verify", "memory://commands/pairs"]):
        missing = CliRunner().invoke(main, command)
        assert missing.exit_code == 1 and "pip install 'degrade[remote]'" in missing.output


def test_build_pairs_at_a_url_makes_again_what_does_not_count(
    config: BuildPairsConfig, url: str
) -> None:
    there = replace(config, out=url)
    report = build_pairs(there)
    before, place = objects(url), place_at(url)
    pairs = [before[f"shard-0000{i}.json"].count(b'"lr_shape"') for i in range(2)]
    assert sum(pairs) == report.done
    for name, content in (
        ("shard-00001.h5", None),
        ("shard-00001.h5", before["shard-00001.h5"][:-1]),
        ("shard-00001.json", before["shard-00001.json"][:-40]),
        ("shard-00001.json", None),
    ):
        place.remove(name)
        if content is not None:
            place.write(name, content)
        place.remove("manifest.json")
        again = build_pairs(there)
        assert (again.done, again.skipped) == (pairs[1], pairs[0])
        assert objects(url) == before


def test_build_pairs_at_a_url_refuses_what_a_folder_refuses(
    config: BuildPairsConfig, url: str
) -> None:
    there = replace(config, out=url)
    with place_at(url).hold(), pytest.raises(FolderInUseError, match=re.escape(url)):
        build_pairs(there)
    place_at(url).write("shard-00000.h5", b"")
    with pytest.raises(DegradeError, match="holds shards of another kind of run"):
        build_pairs(there)
    place_at(url).remove("shard-00000.h5")
    build_pairs(there)
    with pytest.raises(ChangedConfigError, match=re.escape(url) + ".*`seed`: 7 -> 8"):
        build_pairs(replace(there, seed=8))
    place_at(url).write("run.json", b"{")
    with pytest.raises(DegradeError, match=r"run\.json is damaged"):
        build_pairs(there)


def test_build_pairs_at_a_url_after_kills_gives_the_same_bytes(
    config: BuildPairsConfig, url: str, tmp_path: Path
) -> None:
    build_pairs(config)
    (tmp_path / "tmp").mkdir()
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "build-pairs",
        "--pool",
        str(config.pool),
        "--hr",
        str(config.hr[0]),
        "--out",
        url,
        "--scale",
        "2",
        "--hr-size",
        "64",
        "--shard-mib",
        "1",
        "--seed",
        "7",
        "--jobs",
        "1",
    ]
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "OMP_NUM_THREADS": "1"}
    moments = random.Random(5)
    place = place_at(url)
    for objects_there in (2, 3):  # the lock and the run's file; the first shard's data
        for attempt in range(20):
            child = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while child.poll() is None and len(place.names()) < objects_there:
                time.sleep(0.005)
            time.sleep(moments.uniform(0.0, 0.05 / (1 + attempt)))
            child.send_signal(signal.SIGKILL)
            child.wait()
            if ".lock" in place.names():
                break
            for name in place.names():  # too late: the next child begins anew
                place.remove(name)
        else:
            pytest.fail("it ended before it could be killed")
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "build-pairs:" in done.stdout
    assert objects(url).keys() == local(Path(config.out)).keys()
    assert {k: v for k, v in objects(url).items() if k != "run.json"} == {
        k: v for k, v in local(Path(config.out)).items() if k != "run.json"
    }
    assert not list((tmp_path / "tmp").iterdir())


def test_build_pairs_ends_with_one_line_when_the_store_goes(
    s3: S3Server,
    config: BuildPairsConfig,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(remote_place, "_TRIES", 2)
    monkeypatch.setattr(remote_place, "_FIRST_PAUSE_S", 0.0)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    seen = []

    def stop_after_the_first(done: int, _total: int) -> None:
        seen.append(done)
        if done == 1:
            s3.stop()

    there = replace(config, out=url)
    try:
        with pytest.raises(UnreachableError, match=re.escape(url) + r"/[^ ]+: cannot be") as caught:
            build_pairs(there, on_progress=stop_after_the_first)
    finally:
        s3.start()
    assert "\n" not in str(caught.value) and "dummy" not in str(caught.value)
    assert seen == [0, 1]
    assert not list((tmp_path / "tmp").iterdir())
    names = place_at(url).names()
    assert [name for name in names if name.endswith(".json")] == ["run.json", "shard-00000.json"]
    # This process still holds the lock that it could not give up.
    assert json.loads(place_at(url).read(".lock"))["pid"] == os.getpid()
    place_at(url).remove(".lock")
    build_pairs(there)
    build_pairs(config)
    assert objects(url) == local(Path(config.out))
