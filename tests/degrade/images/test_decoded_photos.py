from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import numpy as np
import pytest

from degrade.arrays import U8Array
from degrade.errors import CorruptDataError, DegradeError
from degrade.images.decoded_photos import DecodedPhoto, DecodedPhotos, store_photo
from degrade.rng import rng_for

PIXELS: U8Array = rng_for(0, "stored").integers(0, 256, (30, 41, 3), np.uint8)


def add(store: DecodedPhotos, name: str = "a", pixels: U8Array = PIXELS) -> DecodedPhoto:
    facts = {"path": f"/{name}.png", "name": name, "bytes": 5, "modified": 7}
    facts["sha256"] = f"{ord(name[0]):064x}"
    with store.adding() as journal:
        photo = store_photo(store.folder, pixels, facts, ("rotated",))
        journal.append(msgspec.to_builtins(photo))
    return photo


@pytest.fixture
def store(tmp_path: Path) -> DecodedPhotos:
    return DecodedPhotos(tmp_path / "photos")


def test_read_window_gives_a_part_and_mirrors_what_lies_outside(store: DecodedPhotos) -> None:
    photo = add(store)
    assert np.array_equal(store.read_window(photo, (4, 9, 8, 12), 3), PIXELS[1:15, 6:24])
    framed = np.pad(PIXELS, ((5, 5), (5, 5), (0, 0)), "symmetric")
    assert np.array_equal(store.read_window(photo, (0, 0, 30, 41), 5), framed)
    assert np.array_equal(store.read_window(photo, (22, 33, 8, 8), 5), framed[22:40, 33:51])
    again = pickle.loads(pickle.dumps(store))
    assert np.array_equal(again.read_window(photo, (22, 33, 8, 8), 5), framed[22:40, 33:51])


def test_known_gives_what_was_stored_and_is_there_whole(store: DecodedPhotos) -> None:
    assert store.known() == {}
    first, second = add(store, "a"), add(store, "b")
    assert store.known() == {"/a.png": first, "/b.png": second}
    file = store.folder / f"{second.sha256}.rgb"
    file.write_bytes(file.read_bytes()[:-1])
    with (store.folder / "photos.jsonl").open("a") as journal:
        journal.write('{"path": "/c.png"}\n{"pa')
    assert store.known() == {"/a.png": first}
    assert add(store, "c").path in store.known()


def test_read_window_refuses_a_file_that_is_not_what_was_stored(store: DecodedPhotos) -> None:
    photo = add(store)
    file = store.folder / f"{photo.sha256}.rgb"
    damaged = bytearray(file.read_bytes())
    damaged[1000] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(CorruptDataError, match="content is not what was stored; delete it"):
        store.read_window(photo, (0, 0, 8, 8), 0)
    file.unlink()
    other = DecodedPhotos(store.folder.rename(store.folder.with_name("moved")))
    with pytest.raises(CorruptDataError, match="cannot be read"):
        other.read_window(photo, (0, 0, 8, 8), 0)


def test_adding_refuses_a_folder_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(DegradeError, match="holds other files"), DecodedPhotos(tmp_path).adding():
        pass
    (tmp_path / "letter.txt").rename(tmp_path / "photos.jsonl")
    with pytest.raises(DegradeError, match="was not written by this command"):
        add(DecodedPhotos(tmp_path))
