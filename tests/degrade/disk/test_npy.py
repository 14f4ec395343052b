"""``.npz`` files are read without trust: no pickle, no lie about sizes, no crash."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.disk.npy import read_npz
from degrade.errors import InputError

ARRAYS = {"a": np.arange(12.0).reshape(3, 4), "b": np.asfortranarray(np.eye(3, dtype=np.uint8))}


def npz(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_read_npz_reads_numbers(tmp_path: Path, save: object) -> None:
    assert callable(save)
    save(tmp_path / "a.npz", **ARRAYS, text=np.array(["a"]), objects=np.array([{}]))
    found = read_npz(tmp_path / "a.npz", max_bytes=10_000)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        npz(a=b"no array"),
        npz(a=npy(np.zeros(4))[:-8]),
        npz(a=npy(np.zeros(4)).replace(b"(4,)", b"(9,)")),
        npz(a=npy(np.zeros(3_000))),  # more than is allowed
    ],
)
def test_read_npz_names_what_is_wrong(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.npz: not a whole \.npz file"):
        read_npz(tmp_path / "a.npz", max_bytes=10_000)


@given(st.data())
def test_read_npz_survives_any_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(npz(a=npy(ARRAYS["a"]), b=npy(ARRAYS["b"])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    path.write_bytes(content)
    try:
        arrays = read_npz(path, max_bytes=10_000)
        assert sum(array.nbytes for array in arrays.values()) <= 10_000
    except InputError as error:
        assert error.path == str(path)
