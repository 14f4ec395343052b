from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.images.decoded_photos import DecodedPhotos
from degrade.images.image_io import read_photo
from pipelines.shared.job import Job
from pipelines.training.hr_photos import decode_photos, known_photos


@pytest.fixture
def store(tmp_path: Path) -> DecodedPhotos:
    return DecodedPhotos(tmp_path / "stored")


@pytest.mark.parametrize("workers", [0, 2])
def test_decode_photos_stores_pixels_and_names_what_cannot_be_used(
    scenes: Path, store: DecodedPhotos, workers: int
) -> None:
    (scenes / "bad.png").write_bytes(b"no photo")
    (scenes / "copy.png").write_bytes((scenes / "scene 0.png").read_bytes())
    seen: list[tuple[int, int]] = []
    job = Job("train", "step")
    photos, rejects = decode_photos(
        [scenes],
        store,
        workers=workers,
        on_progress=lambda *both: seen.append(both),
        on_copies=job.tell_copies,
    )
    (told,) = job.facts
    assert told.words == "with the very content of another, and passed over: 1 file"
    assert [Path(reject.path).name for reject in rejects] == ["bad.png"]
    assert len(photos) == 7 and seen[-1] == (9, 9)
    for photo in photos:
        window = store.read_window(photo, (0, 0, photo.height, photo.width), 0)
        assert (window == read_photo(Path(photo.path)).as_u8()).all()
    assert known_photos([scenes], store) == photos


def test_decode_photos_decodes_what_is_missing_or_changed_only(
    scenes: Path, store: DecodedPhotos
) -> None:
    first, _ = decode_photos([scenes], store)
    files = {photo.name: store.folder / f"{photo.sha256}.rgb" for photo in first}
    times = {name: file.stat().st_mtime_ns for name, file in files.items()}
    files["scene 1.png"].unlink()
    (scenes / "scene 2.png").write_bytes((scenes / "scene 3.png").read_bytes())
    seen: list[tuple[int, int]] = []
    again, _ = decode_photos([scenes], store, on_progress=lambda *both: seen.append(both))
    assert seen == [(5, 7), (6, 7), (7, 7)]
    assert len(again) == 6
    kept = [name for name in files if name not in ("scene 1.png", "scene 2.png", "scene 3.png")]
    assert all(files[name].stat().st_mtime_ns == times[name] for name in kept)


def test_decode_photos_says_why_there_is_none(tmp_path: Path, store: DecodedPhotos) -> None:
    (tmp_path / "hr").mkdir()
    (tmp_path / "hr" / "bad.jpg").write_bytes(b"")
    with pytest.raises(DegradeError, match="no photo can be used, 1 input rejected"):
        decode_photos([tmp_path / "hr"], store)
