from __future__ import annotations

from pathlib import Path

import pytest

from degrade.disk.file_streams import replacing
from degrade.disk.processes import is_left_over
from degrade.errors import DegradeError


def test_replacing_shows_nothing_before_all_is_there(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a b\n.png"
    path.parent.mkdir()
    path.write_bytes(b"old")
    with replacing(path, scratch=tmp_path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        (temporary,) = (each for each in tmp_path.iterdir() if each.is_file())
        # Known as its own by what clears up after a kill.
        assert temporary.name.endswith(".tmp") and not is_left_over(temporary.name)
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["sub"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, DegradeError])
def test_replacing_leaves_nothing_when_the_block_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def write() -> None:
        with replacing(path, scratch=tmp_path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert [each.name for each in tmp_path.iterdir()] == ["a"] and path.read_bytes() == b"old"


def test_replacing_names_the_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(DegradeError, match="folder: cannot be written"),
        replacing(tmp_path / "folder", scratch=tmp_path) as file,
    ):
        file.write(b"x")
    with (
        pytest.raises(DegradeError, match="a: cannot be written"),
        replacing(tmp_path / "none" / "a", scratch=tmp_path / "none"),
    ):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
