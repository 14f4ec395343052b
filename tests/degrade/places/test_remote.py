"""What is special about an object store."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import (
    DegradeError,
    InvalidValueError,
    MissingDependencyError,
    UnreachableError,
)
from degrade.pairs import (
    place_at,
)
from degrade.places import remote as remote_place
from tests.degrade.places.finished_files import finished
from tests.making import is_committed
from tests.object_stores import S3Server


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
        place.publish({"shard-00000.h5": finished(place, content)})
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
