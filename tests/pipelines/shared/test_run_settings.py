from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError
from degrade.pairs import place_at
from pipelines.shared.run_settings import RUN_FILE, begin_or_resume, hash_settings

RUN = {"settings": {"seed": 1, "format": "hdf5"}, "pool": "here"}


def test_begin_or_resume_allows_what_stands_beside_the_settings_to_change(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    begin_or_resume(place, RUN)
    begin_or_resume(place, {**RUN, "pool": "there"})
    assert json.loads((tmp_path / RUN_FILE).read_bytes()) == RUN


def test_begin_or_resume_names_what_has_changed(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    begin_or_resume(place, RUN, name="export.json")
    (tmp_path / "shard-00000.json").touch()
    other = {"settings": {"seed": 2, "format": "hdf5"}}
    with pytest.raises(ChangedConfigError, match=r"elsewhere was begun .*\(`seed`: 1 -> 2\)"):
        begin_or_resume(place, other, name="export.json", folder=Path("elsewhere"))
    with pytest.raises(ChangedConfigError, match="`seed`: None -> 2"):
        (tmp_path / RUN_FILE).write_text('{"settings": {"format": "hdf5"}}')
        begin_or_resume(place, other)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"settings": 1}', b"\xff", b"[" * 100_000]
)
def test_begin_or_resume_refuses_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RUN_FILE).write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"run\.json is damaged; choose another output"):
        begin_or_resume(place_at(tmp_path), RUN)
    assert (tmp_path / RUN_FILE).read_bytes() == content


def test_hash_settings_does_not_depend_on_their_order() -> None:
    assert hash_settings({"a": 1, "b": 2}) == hash_settings({"b": 2, "a": 1})
    assert hash_settings({"a": 1}) != hash_settings({"a": 2})


def test_begin_or_resume_forgets_a_run_that_made_nothing(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    begin_or_resume(place, RUN)
    (tmp_path / "rejects.jsonl").touch()
    (tmp_path / ".lock").touch()
    other = {"settings": {"seed": 2, "format": "hdf5"}}
    begin_or_resume(place, other)
    assert json.loads((tmp_path / RUN_FILE).read_bytes()) == other


def test_begin_or_resume_shows_no_hashes(tmp_path: Path) -> None:
    def run(photos: int, letter: str, size: int) -> dict[str, dict[str, object]]:
        content = {"photos": f"{photos} photos, {letter * 16}", "pool_digest": letter * 64}
        return {"settings": {**content, "hr_size": size}}

    place = place_at(tmp_path)
    begin_or_resume(place, run(7, "a", 64))
    (tmp_path / "shard-00000.json").touch()
    with pytest.raises(ChangedConfigError) as caught:
        begin_or_resume(place, run(6, "b", 128))
    assert caught.value.differences == {
        "`hr_size`": ("64", "128"),
        "photos": ("7 photos", "6 photos"),
    }
    with pytest.raises(
        ChangedConfigError, match=r"photos: 7 photos -> others .*content: as it was -> changed"
    ):
        begin_or_resume(place, run(7, "b", 64))


def test_begin_or_resume_counts_one_as_one(tmp_path: Path) -> None:
    def run(count: int) -> dict[str, dict[str, str]]:
        return {"settings": {"photos": f"{count} photos, {count:016x}", "images": "2 pairs, x"}}

    place = place_at(tmp_path)
    begin_or_resume(place, run(1))
    (tmp_path / "shard-00000.json").touch()
    with pytest.raises(ChangedConfigError, match=r"\(photos: 1 photo -> 2 photos\)"):
        begin_or_resume(place, run(2))


_BUILT = {"settings": {"version": 5, "seed": 1}}
_IMPORTED = {"settings": {"version": 2, "method": "import"}}


@pytest.mark.parametrize("there", ["shard-00000.json", "manifest.json"])
@pytest.mark.parametrize(
    ("first", "then", "command"),
    [
        (_BUILT, _IMPORTED, "`degrade build-pairs`"),
        (_IMPORTED, _BUILT, "`degrade import-pairs`"),
        ({"settings": {"method": ["odd"]}}, _BUILT, "another command"),
    ],
)
def test_begin_or_resume_tells_a_run_of_another_command(
    tmp_path: Path, there: str, first: dict[str, Any], then: dict[str, Any], command: str
) -> None:
    """Both have versions of their own: "another version" would send people looking for one."""
    place = place_at(tmp_path)
    begin_or_resume(place, first)
    for name in (there, "rejects.jsonl"):  # a run that rejected all has left no shard
        (tmp_path / name).touch()
    with pytest.raises(DegradeError) as caught:
        begin_or_resume(place, then)
    assert str(caught.value) == f"{tmp_path} was begun by {command}; choose another output folder"


def test_begin_or_resume_does_not_mix_versions(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    begin_or_resume(place, {"settings": {"version": 1, "seed": 1}})
    begin_or_resume(place, {"settings": {"version": 2, "seed": 1}})  # nothing was made yet
    (tmp_path / "shard-00000.json").touch()
    with pytest.raises(DegradeError) as caught:
        begin_or_resume(place, {"settings": {"version": 3, "seed": 2}})
    assert str(caught.value) == (
        f"{tmp_path} was begun by another version of degrade, whose files differ; finish it with "
        "that version, or choose another output folder"
    )
