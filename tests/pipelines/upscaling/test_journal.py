from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import InputError
from pipelines.upscaling.journal import JOURNAL_NAME, JournalEntry, ResultJournal


def entry(result: str = "a.png", sha256: str = "1" * 64) -> JournalEntry:
    return JournalEntry(
        result=result, sha256=sha256, source_sha256="2" * 64, settings={"flips": False}
    )


def test_journal_keeps_every_content_of_each_result(tmp_path: Path) -> None:
    journal = ResultJournal(tmp_path)
    names = ["a.png", "sub/ü \n.png", "b\udcff.png", "a.png"]
    for number, name in enumerate(names):
        journal.add(entry(name, str(number)))
    for each in (journal, ResultJournal(tmp_path)):
        assert [each.get("a.png", n) for n in "03"] == [entry("a.png", n) for n in "03"]
        assert each.get("b\udcff.png", "2") == entry("b\udcff.png", "2")
        assert each.get("a.png", "2") is None and not each.knows("none")
    assert len((tmp_path / JOURNAL_NAME).read_bytes().splitlines()) == 4


def test_journal_survives_any_cut_and_goes_on(tmp_path: Path) -> None:
    for name in ("a", "b"):
        ResultJournal(tmp_path).add(entry(name))
    path = tmp_path / JOURNAL_NAME
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        journal = ResultJournal(tmp_path)
        known = {name for name in ("a", "b") if journal.knows(name)}
        journal.add(entry("c"))
        after = ResultJournal(tmp_path)
        assert {name for name in ("a", "b") if after.knows(name)} == known and after.knows("c")


@pytest.mark.parametrize(
    "line", [b"[]", b"{}", b"\xff", b'{"result": 1}', b"[" * 9999, b'{"a": NaN}', b"null"]
)
def test_journal_passes_over_damaged_lines(tmp_path: Path, line: bytes) -> None:
    ResultJournal(tmp_path).add(entry("a"))
    with (tmp_path / JOURNAL_NAME).open("ab") as file:
        file.write(line + b"\n")
    assert ResultJournal(tmp_path).get("a", "1" * 64) == entry("a")


def test_journal_refuses_values_of_other_types(tmp_path: Path) -> None:
    ResultJournal(tmp_path).add(
        JournalEntry(result="a", sha256="1", source_sha256="2", settings=[])
    )  # type: ignore[arg-type]
    assert not ResultJournal(tmp_path).knows("a")


def test_journal_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        ResultJournal(tmp_path)


def test_add_does_not_write_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / JOURNAL_NAME).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic link"):
        ResultJournal(tmp_path / "out").add(entry())
    assert elsewhere.read_bytes() == b""
