from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from degrade.pairs.stores.lmdb_folder import _format
from degrade.pairs.stores.lmdb_pages import LmdbFile

_WRITE = """
import sys
from pathlib import Path
from degrade.pairs.stores.lmdb_folder import LmdbFolderWriter
writer = LmdbFolderWriter(Path(sys.argv[1]), ending="png", level=1)
for number in range(40):
    writer.append(f"{number:05d}", (1, 999, 1), bytes([number]) * 999)
writer.close()
"""


def _written(folder: Path, **environment: str) -> str:
    environment = {**os.environ, **environment}
    subprocess.run([sys.executable, "-c", _WRITE, str(folder)], env=environment, check=True)
    return hashlib.sha256((folder / "data.mdb").read_bytes()).hexdigest()


@pytest.mark.parametrize("wanted", ["0", "1", "7", "x"])
def test_the_environment_does_not_change_the_format(tmp_path: Path, wanted: str) -> None:
    usual = _written(tmp_path / "a")
    assert _written(tmp_path / "b", LMDB_DEFAULT_LIB_VERSION=wanted) == usual
    assert LmdbFile(tmp_path / "b" / "data.mdb").read(b"00007") == bytes([7]) * 999


def test_older_libraries_are_not_asked_for_a_format() -> None:
    def version(*, subpatch: bool = False) -> tuple[int, int, int]:
        return (0, 9, 31)

    assert _format(version) == {}
