"""One suite that every place passes, and what is special about each."""

from __future__ import annotations

import contextlib
import errno
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from degrade.disk.processes import unique_token
from degrade.errors import (
    CorruptDataError,
    DegradeError,
    FolderInUseError,
    InvalidValueError,
    MissingDependencyError,
    UnreachableError,
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
from degrade.places import remote as remote_place
from tests.making import is_committed
from tests.object_stores import S3Server, objects, s3_server

GONE = json.dumps(
    {"host": socket.gethostname(), "pid": 2**22 + 1, "process_start": "77", "since": "x"}
).encode()

KINDS = {"run.json": "a run of build-pairs", "pool.json": "a degradation pool"}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try twice at most, without a pause: the store will not come back in a test."""
    monkeypatch.setattr(remote_place, "_TRIES", 2)
    monkeypatch.setattr(remote_place, "_FIRST_PAUSE_S", 0.0)


def _finished(place: Place, content: bytes, name: str = "file") -> Path:
    path = place.make_temporary_folder("shard-00000") / name
    path.write_bytes(content)
    return path


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
        place.publish({"deep/data.mdb": _finished(place, b"data")})
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
            place.publish({name: _finished(place, data) for name, data in contents.items()})
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


class TestLocalPlace:
    def test_hold_clears_what_killed_runs_left(self, tmp_path: Path) -> None:
        kept = ["shard-00000.h5", "shard-00000.json", "notes.tmp", "photos", "my.json.tmp"]
        left = [
            f"shard-00000.{unique_token()}.tmp/shard-00000.h5.tmp",
            f"shard-00003.{unique_token()}.tmp/shard-00003_HR.lmdb.tmp",
            *(
                f"{name}.{unique_token()}.tmp"
                for name in ("manifest.json", "run.json", "rejects.jsonl", "shard-00001.json")
            ),
        ]
        for name in kept + left:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        (tmp_path / f"shard-00005.{unique_token()}.tmp").symlink_to(tmp_path / "photos")
        with LocalPlace(tmp_path).hold():
            assert sorted(LocalPlace(tmp_path).names()) == sorted([*kept, ".lock"])

    def test_names_that_lead_out_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "pairs").mkdir()
        (tmp_path / "secret").write_bytes(b"x")
        (tmp_path / "pairs" / "link").symlink_to(tmp_path / "secret")
        place = LocalPlace(tmp_path / "pairs")
        for name in ("../secret", str(tmp_path / "secret"), "link"):
            for ask in (place.read, place.size):
                with pytest.raises(CorruptDataError, match="leads outside"):
                    ask(name)

    def test_file_urls_are_folders(self, tmp_path: Path) -> None:
        assert place_at(f"file://{tmp_path}") == LocalPlace(tmp_path)


class TestRemotePlace:
    def test_temporary_folders_of_killed_processes_are_cleared(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        code = (
            "import os, signal\nfrom degrade.pairs import place_at\n"
            "place_at('memory://x/y').make_temporary_folder('shard-00000')\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=False)
        (left,) = tmp_path.iterdir()
        elsewhere = tmp_path / left.name.replace(socket.gethostname(), "elsewhere")
        elsewhere.mkdir()
        place = place_at("memory://x/y")
        mine = [place.make_temporary_folder("shard-00000") for _ in range(2)]
        assert sorted(tmp_path.iterdir()) == sorted([*mine, elsewhere])

    def test_store_that_does_not_answer_gives_one_line(
        self, s3: S3Server, quick: None, cases: Any
    ) -> None:
        place, case = place_at("s3://bucket/away/pairs"), cases["hdf5-fixed"]
        case.write(place, case.pairs())
        s3.stop()
        try:
            asked: list[Callable[[], object]] = [
                lambda: case.write(place, case.pairs(), 1),
                lambda: is_committed(place, case.spec()),
            ]
            for ask in asked:
                with pytest.raises(
                    UnreachableError, match=r"away/pairs/shard-0000\d\.(h5|json): cannot be .*again"
                ) as caught:
                    ask()
                assert "\n" not in str(caught.value)
                assert "dummy" not in str(caught.value)
        finally:
            s3.start()
        assert is_committed(place, case.spec())
        assert not is_committed(place, case.spec(1))

    def test_bucket_must_exist(self, s3: S3Server) -> None:
        place = place_at("s3://no-such-bucket/pairs")
        with pytest.raises(UnreachableError, match=r"pairs/a: .*make the bucket"):
            place.write("a", b"")
        with pytest.raises(UnreachableError, match=r"pairs/\.lock: .*make the bucket"):
            place.hold().__enter__()

    def test_big_files_go_in_parts(self, s3: S3Server) -> None:
        place = place_at("s3://bucket/big/pairs")
        content = os.urandom(1 << 20) * 33
        place.publish({"shard-00000.h5": _finished(place, content)})
        with place.fetched(["shard-00000.h5"]) as folder:
            assert (folder / "shard-00000.h5").read_bytes() == content

    @pytest.mark.parametrize(
        ("url", "error", "text"),
        [
            ("s3://", InvalidValueError, "below the root"),
            ("nonsense://a/b", InvalidValueError, "nonsense://a/b: .*[Pp]rotocol not known"),
            ("memory://", InvalidValueError, "below the root"),
        ],
    )
    def test_other_urls_are_refused(self, url: str, error: type[Exception], text: str) -> None:
        pytest.importorskip("s3fs", reason="the extra 'remote' is not installed")
        with pytest.raises(error, match=text):
            place_at(url)

    def test_missing_packages_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "fsspec.core", None)
        with pytest.raises(MissingDependencyError, match=r"pip install 'degrade\[remote\]'"):
            place_at("s3://bucket/pairs")

    def test_credentials_are_never_shown(self) -> None:
        hide = remote_place.without_credentials
        assert hide("ftp://me:secret@host/a/b") == "ftp://…@host/a/b"
        assert hide('at "https://h/k?X-Amz-Credential=secret&x=1" end') == 'at "https://h/k?…" end'
        pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
        place = place_at("memory://me:secret@host/pairs")
        for text in (place.shown(), place.shown("a"), repr(place)):
            assert "secret" not in text
        with pytest.raises(DegradeError) as caught:
            place.read("a")
        assert "secret" not in str(caught.value)


def test_a_full_temporary_disk_is_said_to_be() -> None:
    def fill(fs: Any, path: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place = remote_place.RemotePlace("memory://some/place")
    with pytest.raises(DegradeError) as caught:
        place._ask("a.h5", "be read", fill)
    said = str(caught.value)
    assert said.startswith(f"{tempfile.gettempdir()}: the disk is full; ")
    assert said.endswith("or point TMPDIR elsewhere: no room to copy memory://some/place/a.h5")


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


def test_claim_refuses_a_folder_of_other_files(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path)
    (tmp_path / ".hidden").touch()
    place.claim("run.json", KINDS)
    (tmp_path / "photo.png").touch()
    with pytest.raises(DegradeError, match=r"holds other files \(photo.png\)"):
        place.claim("run.json", KINDS)
    (tmp_path / "run.json").touch()
    place.claim("run.json", KINDS)
