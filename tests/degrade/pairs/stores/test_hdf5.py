from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.pairs import open_pairs, verify_pairs
from degrade.pairs.shards import record_file
from degrade.places.checked_json import encode_json

pytestmark = pytest.mark.parametrize("case", ["hdf5-fixed"], indirect=True)


def reseal(folder: Path) -> None:
    """Make sidecar and manifest vouch for the shard as it is now: only its structure is left."""
    path = folder / "shard-00000.json"
    content = json.loads(path.read_bytes())
    del content["checksum"]
    content["files"] = [record_file(folder / "shard-00000.h5", "shard-00000.h5").to_json()]
    path.write_bytes(encode_json(content))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["checksum"]
    manifest["shards"][0]["bytes"] = content["files"][0]["size"]
    manifest["bytes"] = sum(shard["bytes"] for shard in manifest["shards"])
    (folder / "manifest.json").write_bytes(encode_json(manifest))


def test_shard_is_what_other_programs_expect(built: Any) -> None:
    with h5py.File(built.folder / "shard-00000.h5") as file:
        assert file["lr"].shape == (5, 8, 8, 3)
        assert file["hr"].shape == (5, 24, 24, 3)
        assert file["hr"].dtype == np.uint8
        assert file["hr"].chunks == (1, 24, 24, 3)
        assert file["hr"].compression is None
        assert file.attrs["scale"] == 3
        for i, pair in enumerate(built.pairs[:5]):
            np.testing.assert_array_equal(file["lr"][i], pair.lr_u8)
            np.testing.assert_array_equal(file["hr"][i], pair.hr_u8)


def test_shard_of_whole_images_has_a_dataset_a_key(
    case: Any, cases: dict[str, Any], tmp_path: Path
) -> None:
    whole = cases["hdf5-whole"]
    whole.write(tmp_path, whole.pairs())
    with h5py.File(tmp_path / "shard-00000.h5") as file:
        for pair in whole.pairs():
            np.testing.assert_array_equal(file["lr"][pair.key], pair.lr_u8)
            np.testing.assert_array_equal(file["hr"][pair.key], pair.hr_u8)


def _external_link(file: h5py.File, other: Path) -> None:
    with h5py.File(other, "w") as target:
        target["hr"] = file["hr"][...]
    del file["hr"]
    file["hr"] = h5py.ExternalLink(str(other), "/hr")


def _soft_link(file: h5py.File, _other: Path) -> None:
    file.move("hr", "elsewhere")
    file["hr"] = h5py.SoftLink("/elsewhere")


def _external_storage(file: h5py.File, other: Path) -> None:
    data = file["hr"][...]
    data.tofile(other)
    del file["hr"]
    file.create_dataset("hr", data.shape, np.uint8, external=[(str(other), 0, data.nbytes)])


def _virtual(file: h5py.File, other: Path) -> None:
    with h5py.File(other, "w") as target:
        target["hr"] = file["hr"][...]
    layout = h5py.VirtualLayout((5, 24, 24, 3), np.uint8)
    layout[...] = h5py.VirtualSource(str(other), "hr", (5, 24, 24, 3))
    del file["hr"]
    file.create_virtual_dataset("hr", layout)


def _replaced(**options: Any) -> Callable[[h5py.File, Path], None]:
    def change(file: h5py.File, _other: Path) -> None:
        data = file["hr"][...]
        del file["hr"]
        if options.get("shape") is None:
            options["data"] = data
        file.create_dataset("hr", **options)

    return change


def _group(file: h5py.File, _other: Path) -> None:
    del file["hr"]
    file.create_group("hr")


def _objects(file: h5py.File, _other: Path) -> None:
    del file["hr"]
    file.create_dataset("hr", (5, 24, 24, 3), h5py.string_dtype(), chunks=(1, 24, 24, 3))


def _missing(file: h5py.File, _other: Path) -> None:
    del file["hr"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_external_link, "is a link"),
        (_soft_link, "is a link"),
        (_external_storage, "in other places"),
        (_virtual, "in other places"),
        (_group, "no dataset"),
        (_missing, "hr"),
        (_objects, "must be uint8"),
        (_replaced(chunks=(1, 24, 24, 3), compression="gzip"), "compressed or filtered"),
        (_replaced(chunks=(1, 24, 24, 3), fletcher32=True), "compressed or filtered"),
        (_replaced(chunks=(5, 24, 24, 3)), "one sample a chunk"),
        (_replaced(chunks=(1, 24, 24, 3), dtype="i8"), "must be uint8"),
        (_replaced(chunks=(1, 24, 24, 3), dtype="i1"), "must be uint8"),
        (_replaced(shape=(5, 24, 24, 3), chunks=(1, 24, 24, 3), dtype="u1"), "declares more"),
        (_replaced(shape=(2**20, 2**10, 2**10, 1), chunks=(1, 24, 24, 1), dtype="u1"), "must be"),
    ],
)
def test_reader_refuses_what_the_writer_never_makes(
    built: Any, tmp_path: Path, change: Callable[[h5py.File, Path], None], text: str
) -> None:
    with h5py.File(built.folder / "shard-00000.h5", "r+", libver=("v110", "v110")) as file:
        change(file, tmp_path / "other")
        file["ballast"] = np.ones(40_000, np.uint8)  # the size alone must not give it away
    reseal(built.folder)
    with open_pairs(built.folder) as reader:
        with pytest.raises(CorruptDataError, match=rf"shard-00000\.h5: .*{text}"):
            reader.read(0)
        reader.read(5)
    found = [result.problem for result in verify_pairs(built.folder) if result.problem]
    assert len(found) == 1
    assert "none of its 5 pairs can be read" in found[0]


def test_reader_refuses_more_pixels_than_the_file_can_hold(built: Any) -> None:
    """Sidecar and shard agree on 3 TiB, in a file of a few kilobytes."""
    path = built.folder / "shard-00000.json"
    content = json.loads(path.read_bytes())
    del content["checksum"]
    side = 3 * 2**17
    content["hr_size"] = side
    for record in content["records"]:
        record |= {"hr_shape": [side, side, 3], "lr_shape": [side // 3, side // 3, 3]}
    path.write_bytes(encode_json(content))
    with h5py.File(built.folder / "shard-00000.h5", "w", libver=("v110", "v110")) as file:
        for name, size in (("lr", side // 3), ("hr", side)):
            shape = (5, size, size, 3)
            file.create_dataset(name, shape, np.uint8, chunks=(1, 8, 8, 3))
    reseal(built.folder)
    (built.folder / "manifest.json").unlink()
    (built.folder / "shard-00001.json").unlink()
    with open_pairs(built.folder, allow_partial=True) as reader:
        for read in (lambda: reader.read(0), lambda: reader.read_crop(0, 0, 0, 4)):
            with pytest.raises(CorruptDataError, match="too small for the"):
                read()


def test_lmdb_is_not_imported_for_hdf5(built: Any) -> None:
    code = (
        "import sys; from pathlib import Path; from degrade.pairs import open_pairs\n"
        "assert not {'h5py', 'lmdb'} & set(sys.modules)\n"
        f"open_pairs(Path({str(built.folder)!r})).read(0)\n"
        "assert 'lmdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
