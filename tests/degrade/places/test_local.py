"""What is special about a folder of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from degrade.disk.processes import unique_token
from degrade.errors import (
    CorruptDataError,
    DegradeError,
)
from degrade.pairs import (
    LocalPlace,
    place_at,
)


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


def test_claim_refuses_a_folder_of_other_files(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path)
    (tmp_path / ".hidden").touch()
    place.claim("run.json", {"run.json": "a run of build-pairs"})
    (tmp_path / "photo.png").touch()
    with pytest.raises(DegradeError, match=r"holds other files \(photo.png\)"):
        place.claim("run.json", {"run.json": "a run of build-pairs"})
    (tmp_path / "run.json").touch()
    place.claim("run.json", {"run.json": "a run of build-pairs"})


def test_names_of_what_is_no_folder_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DegradeError, match=r"/file: is a file; give the folder$"):
        LocalPlace(tmp_path / "file").names()
    with pytest.raises(DegradeError, match=r"/none: is not there; check the path$"):
        LocalPlace(tmp_path / "none").names()
