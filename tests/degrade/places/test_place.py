"""One suite that every place passes, and what is special about each."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import (
    CorruptDataError,
    DegradeError,
    FolderInUseError,
    InvalidValueError,
)
from degrade.pairs import (
    LocalPlace,
    Place,
    create_shard,
    find_committed,
    open_pairs,
    place_at,
    verify_pairs,
    write_shard_list,
)
from degrade.pairs.shards import sidecar_indices
from tests.degrade.places.finished_files import finished
from tests.making import is_committed
from tests.object_stores import S3Server, objects

GONE = json.dumps(
    {"host": socket.gethostname(), "pid": 2**22 + 1, "process_start": "77", "since": "x"}
).encode()

KINDS = {"run.json": "a run of build-pairs", "pool.json": "a degradation pool"}


@pytest.fixture(params=["local", "memory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    number = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    match request.param:
        case "local":
            (tmp_path / "pairs").mkdir()
            yield place_at(tmp_path / "pairs")
        case "memory":
            fsspec = pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
            yield place_at(f"memory://pairs-{number}")
            with contextlib.suppress(FileNotFoundError):
                fsspec.filesystem("memory").rm(f"/pairs-{number}", recursive=True)
        case _:
            request.getfixturevalue("s3")
            yield place_at(f"s3://bucket/{number}/pairs")


class TestEveryPlace:
    def test_written_is_read_back(self, place: Place) -> None:
        place.write("a.json", b"first")
        place.write("b.json", b"")
        place.write("a.json", b"second, longer")
        assert place.read("a.json") == b"second, longer"
        assert (place.size("a.json"), place.size("b.json")) == (14, 0)
        assert sorted(place.names()) == ["a.json", "b.json"]

    def test_missing_is_no_file(self, place: Place) -> None:
        assert place.size("a.json") is None
        assert place.size("deep/a.json") is None
        with pytest.raises(CorruptDataError, match=r"pairs[^ ]*/a\.json: cannot be read"):
            place.read("a.json")
        assert place.names() == []
        place.remove("a.json")

    def test_folder_is_no_file(self, place: Place) -> None:
        place.publish({"deep/data.mdb": finished(place, b"data")})
        assert place.size("deep") is None
        with pytest.raises(CorruptDataError, match="deep: "):
            place.read("deep")
        assert place.size("deep/data.mdb") == 4

    def test_removed_is_gone(self, place: Place) -> None:
        place.write("a.json", b"a")
        place.write("b.json", b"b")
        place.remove("a.json")
        assert place.names() == ["b.json"]

    def test_published_replaces_and_has_the_bytes(self, place: Place, tmp_path: Path) -> None:
        contents = {"shard.h5": os.urandom(3_000_001), "shard_HR.lmdb/data.mdb": os.urandom(5000)}
        for _ in range(2):
            place.publish({name: finished(place, data) for name, data in contents.items()})
        assert {name: place.read(name) for name in contents} == contents
        with place.fetched(contents) as folder:
            assert {name: (folder / name).read_bytes() for name in contents} == contents

    def test_temporary_folders_are_of_one_attempt(self, place: Place) -> None:
        first, second = (place.make_temporary_folder("shard-00000") for _ in range(2))
        assert first != second and not list(first.iterdir())
        shutil.rmtree(first)
        shutil.rmtree(second)

    def test_hold_keeps_others_out(self, place: Place) -> None:
        with place.hold():
            message = rf"in use by process {os.getpid()} on .*delete .*/\.lock"
            with pytest.raises(FolderInUseError, match=message), place.hold():
                pass
            assert ".lock" in place.names()
        with pytest.raises(KeyError), place.hold():
            raise KeyError
        assert place.names() == []

    def test_hold_takes_over_from_the_dead_only(self, place: Place) -> None:
        place.write(".lock", GONE)
        with place.hold():
            assert json.loads(place.read(".lock"))["pid"] == os.getpid()
        for content in (GONE.replace(socket.gethostname().encode(), b"elsewhere"), b"", b"[]"):
            place.write(".lock", content)
            with pytest.raises(FolderInUseError), place.hold():
                pass
            assert place.read(".lock") == content

    def test_claim_keeps_kinds_apart(self, place: Place) -> None:
        place.claim("run.json", KINDS)
        place.write("run.json", b"{}")
        place.claim("run.json", KINDS)
        with pytest.raises(DegradeError, match="holds a run of build-pairs; choose another"):
            place.claim("pool.json", KINDS)

    def test_can_be_sent_to_other_processes(self, place: Place) -> None:
        assert pickle.loads(pickle.dumps(place)) == place
        assert pickle.loads(pickle.dumps(place.absolute())).shown() == place.shown()

    def test_holds_the_same_bytes_as_a_folder(
        self, place: Place, cases: dict[str, Any], tmp_path: Path
    ) -> None:
        for name in ("hdf5-fixed", "lmdb-whole"):
            case, local = cases[name], tmp_path / name
            for where in (place, local):
                with create_shard(where, case.spec()) as shard:
                    for pair in case.pairs():
                        shard.add(pair)
                    shard.commit()
                write_shard_list(where, {"seed": 3})
            files = sorted(path for path in local.rglob("*") if path.is_file())
            for path in files:
                relative = str(path.relative_to(local))
                assert place.read(relative) == path.read_bytes(), relative
            assert sidecar_indices(place) == [0]
            assert sorted(place.names()) == sorted(path.name for path in local.iterdir())
            assert {r.problem for r in verify_pairs(place)} == {None}
            for entry in files:
                place.remove(str(entry.relative_to(local)))
            if isinstance(place, LocalPlace):
                shutil.rmtree(place.folder)

    def test_shard_counts_only_with_all_its_bytes(self, place: Place, cases: Any) -> None:
        case = cases["lmdb-fixed"]
        sidecar = case.write(place, case.pairs())
        assert find_committed(place, case.spec()) == sidecar.head
        assert not is_committed(place, case.spec(config_hash="other"))
        name = sidecar.file_names[2]
        content = place.read(name)
        for other in (content[:-1], content + b"x", b""):
            place.write(name, other)
            assert not is_committed(place, case.spec())
        place.remove(name)
        assert not is_committed(place, case.spec())
        place.write(name, content)
        assert is_committed(place, case.spec())

    def test_verify_names_damage_by_the_place(self, place: Place, cases: Any) -> None:
        case = cases["hdf5-fixed"]
        case.write(place, case.pairs())
        write_shard_list(place, {})
        content = bytearray(place.read("shard-00000.h5"))
        content[len(content) // 2] ^= 4
        place.write("shard-00000.h5", bytes(content))
        problems = [result.problem for result in verify_pairs(place) if result.problem]
        assert len(problems) > 1
        assert all(problem.startswith(place.shown("shard-00000.h5")) for problem in problems)
        place.remove("shard-00000.h5")
        (first, second) = [result.problem for result in verify_pairs(place) if result.problem]
        assert "the file is missing" in str(first) and "none of its 5 pairs" in str(second)

    def test_nothing_is_left_in_temporary_folders(
        self, place: Place, cases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "tmp").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
        case = cases["hdf5-fixed"]
        case.write(place, case.pairs())
        with create_shard(place, case.spec(1)) as shard:
            shard.add(case.pairs()[0])
        write_shard_list(place, {})
        assert not [r for r in verify_pairs(place) if r.problem]
        assert not list((tmp_path / "tmp").iterdir())
        assert sorted(place.names()) == ["manifest.json", "shard-00000.h5", "shard-00000.json"]


@pytest.mark.parametrize("url", ["s3://bucket/pairs", "memory://pairs-to-copy"])
@pytest.mark.parametrize("as_path", [True, False])
def test_open_pairs_says_how_to_copy_a_url(url: str, as_path: bool) -> None:
    with pytest.raises(DegradeError, match=re.escape(url) + ".*copy them first: python -c"):
        open_pairs(Path(url) if as_path else url)  # type: ignore[arg-type]


def test_open_pairs_advice_copies(s3: S3Server, cases: Any, tmp_path: Path) -> None:
    place, case = place_at("s3://bucket/to-copy/pairs"), cases["lmdb-fixed"]
    case.write(place, case.pairs())
    write_shard_list(place, {})
    with pytest.raises(DegradeError) as caught:
        open_pairs(Path("s3://bucket/to-copy/pairs"))
    code = str(caught.value).split('python -c "')[1].rstrip('"')
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    with open_pairs(tmp_path / "pairs") as reader:
        assert len(reader) == 5
        reader.read(4)
    assert len(objects("s3://bucket/to-copy/pairs")) == 6


@pytest.mark.parametrize("where", ["s3:/bucket/pairs", Path("s3://bucket/pairs")])
def test_place_at_refuses_a_url_that_lost_a_slash(where: str | Path) -> None:
    with pytest.raises(
        InvalidValueError, match=r"neither a URL \(s3://bucket/pairs\) nor a folder"
    ):
        place_at(where)
