from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import InputError
from degrade.images.image_io import encode_png, quantise, write_png
from degrade.images.sources import SourceFile
from pipelines.shared.photo_scan import OpenPhoto, read_scanned
from tests.making import make_scene


def test_open_photo_finds_once_what_several_measurements_ask(tmp_path: Path) -> None:
    levels = np.arange(48 * 32 * 3, dtype=np.uint16).reshape(48, 32, 3) * 7
    path = tmp_path / "deep.png"
    write_png(path, levels)
    photo = OpenPhoto(SourceFile(path, path.name))
    assert photo.pixels_u8 is photo.pixels_u8
    assert np.array_equal(photo.pixels_u8, photo.photo.as_u8())
    asked: list[OpenPhoto] = []

    def find(one: OpenPhoto) -> int:
        asked.append(one)
        return 7

    assert (photo.once(find), photo.once(find)) == (7, 7)
    assert asked == [photo]


def test_read_scanned_knows_a_photo_by_either_sum(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(quantise(make_scene("a", 12, 16))))
    scanned = OpenPhoto(SourceFile(path, path.name)).scanned
    sums: list[dict[str, Any]] = [{}, {"crc32": scanned.crc32}]
    for known in sums:
        assert read_scanned(path, scanned.sha256, **known).sha256 == scanned.sha256
    path.write_bytes(encode_png(quantise(make_scene("b", 12, 16))))
    for known in sums:
        with pytest.raises(InputError, match="changed while the run went on"):
            read_scanned(path, scanned.sha256, **known)


def test_scanned_photo_of_a_pool_has_no_crc32(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    write_png(path, quantise(make_scene("a", 12, 16)))
    scanned = OpenPhoto(SourceFile(path, path.name)).scanned
    assert scanned.crc32 is not None
    assert type(scanned).from_record(scanned.as_record()).crc32 is None
