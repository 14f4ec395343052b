"""A fingerprint is a pool in one file: what it keeps, what it leaves out, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from degrade.degradation.downsampling import PreparedImage, integer_taps
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.images.image_io import quantise
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.kernels import BlurKernel, gaussian_kernel, kernel_sigmas
from degrade.places.checked_json import encode_json
from degrade.pool import DegradationPool, Findings
from degrade.pool.camera_groups import NAMED
from degrade.pool.camera_kernels import settle_camera_kernels
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import MOST_BYTES, make_fingerprint
from tests.degrade.pool.parts import add_matches, make_photo
from tests.making import make_scene


def jpeg_of(quality: int) -> dict[str, Any]:
    settings = JpegSettings(*standard_tables(quality), "4:2:0")
    return {"format": "jpeg", "quality": quality, **msgspec.to_builtins(settings)}


def make_pool(path: Path, photos: int = 3) -> DegradationPool:
    """Return a pool of photos with secret names, a kernel and tables each."""
    pool = DegradationPool.create(path)
    with pool.writing():
        for number in range(photos):
            _add_photo(pool, number, photos)
    return pool


def _add_photo(pool: DegradationPool, number: int, photos: int) -> None:
    photo = make_photo(name=f"secret {number}.jpg", sha256=f"{number:064x}")
    kernel = gaussian_kernel(33, 4, (2.0 + number / photos, 1.6), 0.4)
    values = {"expected_kpsnr": 45.0 + number, "confidence": 0.75, "place": 47.1}
    found = (FoundObject(kernel, "spectral", values),)
    pool.add_findings(
        photo,
        [
            Findings(kind="kernel", settings={"scale": 4}, objects=found),
            Findings(kind="jpeg", settings={}, values=jpeg_of(80 + number % 10)),
            Findings(kind="diary", settings={}, values={"where": "at home"}),
        ],
    )


def _add_methods(pool: DegradationPool) -> None:
    """Add a kernel of each other method, of another width."""
    for number, method in enumerate(("kernelgan", "import")):
        kernel = gaussian_kernel(33, 4, (3.0 + number, 1.6), 0.4)
        found = (FoundObject(kernel, method, {}),)
        photo = make_photo(name=f"{method}.png", sha256=f"{number + 900:064x}")
        pool.add_findings(photo, [Findings(kind=method, settings={}, objects=found)])


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_fingerprint_gives_the_kernels_lr_to_a_twentieth_of_a_level(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool")
    made = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    assert made.is_fingerprint and not pool.is_fingerprint
    hr_u8 = quantise(make_scene("fingerprint", 64, 64))
    lr: list[list[np.ndarray]] = []
    for source in (pool, made):
        kernels = [source.read_kernel(record.id) for record in source.kernels]
        kernels.sort(key=lambda kernel: float(kernel.weights.max()))
        image = PreparedImage(hr_u8, 4, max(kernel.size // 2 for kernel in kernels))
        lr.append([image.downsample(kernel, (0, 0, 64, 64)) for kernel in kernels])
        assert source.index(4).kernel_kpsnr and made.verify() == []
    assert len(lr[0]) == 3
    for one, other in zip(*lr, strict=True):
        assert np.abs(one - other).max() < 0.05
    values = sorted(record.provenance.values["expected_kpsnr"] for record in made.kernels)
    assert values == [45.0, 46.0, 47.0]


def test_fingerprint_of_a_fingerprint_is_the_same(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool")
    first = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    again = DegradationPool.open(write(tmp_path / "g.json", make_fingerprint(first)))
    taps = [
        sorted(integer_taps(p.read_kernel(r.id).weights)[0].tobytes() for r in p.kernels)
        for p in (first, again)
    ]
    assert taps[0] == taps[1]
    assert [m.values for m in first.index(4).measured["jpeg"]] != []
    assert sorted(str(m.values) for m in first.index(4).measured["jpeg"]) == sorted(
        str(m.values) for m in again.index(4).measured["jpeg"]
    )


def test_fingerprint_tells_nothing_that_was_not_asked_for(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool")
    text = make_fingerprint(pool).decode()
    for secret in ("secret", "at home", "47.1", f"{1:064x}", "diary", str(tmp_path)):
        assert secret not in text
    named = make_fingerprint(pool, names=True).decode()
    assert named.count("secret") == 3 and f"{1:064x}" not in named
    one = make_fingerprint(pool, photos=[f"{1:064x}"], names=True).decode()
    assert one.count("secret") == 1
    with pytest.raises(InvalidValueError, match="nothing to make a fingerprint of"):
        make_fingerprint(pool, photos=["f" * 64])


def test_fingerprint_of_many_photos_is_small_and_keeps_their_scatter(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool", 150)
    data = make_fingerprint(pool)
    assert len(data) <= MOST_BYTES
    made = DegradationPool.open(write(tmp_path / "f.json", data))
    assert 15 <= len(made.kernels) < 150
    assert 15 <= len(made.index(4).measured["jpeg"]) < 150
    peaks = [
        np.array([source.read_kernel(r.id).weights.max() for r in source.kernels])
        for source in (pool, made)
    ]
    assert peaks[1].mean() == pytest.approx(peaks[0].mean(), rel=0.01)
    assert peaks[1].std() == pytest.approx(peaks[0].std(), rel=0.1)


def add_camera(
    pool: DegradationPool, camera: dict[str, Any], photos: int, scales: tuple[int, ...] = (2,)
) -> None:
    """Add photos of a camera with wide kernels, and move those nearer to each other."""
    with pool.writing():
        for number in range(photos):
            photo = make_photo(name=f"{number}.jpg", sha256=f"{number:064x}")
            found = [Findings(kind="camera", settings={}, values=camera)]
            for scale in scales:
                kernel = gaussian_kernel(25, scale, (2.2 + number / photos, 2.1), 0.4)
                values = {"expected_kpsnr": 40.0}
                objects = (FoundObject(kernel, "spectral", values),)
                settings = {"method": "spectral", "scale": scale}
                found.append(
                    Findings(kind="kernel", settings=settings, values=values, objects=objects)
                )
            pool.add_findings(photo, found)
    settle_camera_kernels(pool)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("X1\x01", r"X1\x01"),
        ("X\u00a01", r"X\xa01"),
        ("X\u200b1", r"X\u200b1"),
        ("X\n1", r"X\n1"),
        ("X" * 1500, "X" * 1000),
    ],
)
@pytest.mark.parametrize("key", ["model", NAMED])
def test_whatever_a_camera_is_called_its_fingerprint_is_read(
    tmp_path: Path, key: str, name: str, told: str
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    add_camera(pool, {key: name}, 2)
    made = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    assert [m.values["camera"] for m in made.moved_kernels.values()] == [told, told]
    assert [m.values[key] for m in made.drawn_values("camera")] == [name[:1000]] * 2


@pytest.mark.parametrize(
    ("method", "told"), [("mine\x07", r"mine\x07"), ("m" * 150, "m" * 100), ("", "other")]
)
def test_flags_and_methods_that_no_reader_takes_are_written_readable(
    tmp_path: Path, method: str, told: str
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    found = (FoundObject(gaussian_kernel(13, 2, (1.3, 1.0), 0.4), method, {}),)
    flags = ("odd\x1b[31m",)
    pool.add_findings(
        make_photo(),
        [
            Findings(kind="kernel", settings={}, flags=flags, objects=found),
            Findings(kind="jpeg", settings={}, values=jpeg_of(80), flags=flags),
        ],
    )
    made = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    (kernel,), (measured,) = made.kernels, made.measurements
    assert kernel.provenance.method == told
    assert kernel.provenance.flags == measured.flags == (r"odd\x1b[31m",)


def test_photos_own_kernels_stay_where_moved_ones_find_no_room(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    add_camera(pool, {"model": "A1"}, 48, scales=(2, 4))
    assert len(pool.kernels) == 96 and len(pool.moved_kernels) == 96
    made = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    assert len(made.kernels) == 96 and not made.moved_kernels
    few = make_fingerprint(pool, photos=[f"{number:064x}" for number in range(24)])
    kept = DegradationPool.open(write(tmp_path / "few.json", few))
    assert len(kept.kernels) == len(kept.moved_kernels) == 48


def test_kernels_with_negative_lobes_and_wide_margins_go_through(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    sharp = np.zeros((31, 31), np.float32)
    sharp[14:18, 14:18] = np.outer([-1, 9, 9, -1], [-1, 9, 9, -1]) / 256
    found = (FoundObject(BlurKernel(sharp, 2), "spectral", {}),)
    pool.add_findings(make_photo(), [Findings(kind="kernel", settings={}, objects=found)])
    made = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    (record,) = made.kernels
    assert record.size < 10
    kernel = made.read_kernel(record.id)
    assert kernel.weights.min() < 0 and np.array_equal(
        kernel.weights[kernel.weights != 0], sharp[sharp != 0]
    )


def test_nothing_is_added_to_a_fingerprint_and_a_changed_one_is_told(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool")
    path = write(tmp_path / "f.json", make_fingerprint(pool))
    made = DegradationPool.open(path)
    with pytest.raises(InvalidValueError, match="is a fingerprint, and nothing can be added"):
        made.add_findings(make_photo(), [Findings(kind="jpeg", settings={}, values={})])
    assert DegradationPool.open(path, until=made.index_end).kernels == made.kernels
    with pytest.raises(DegradeError, match="not what it was when the run began"):
        DegradationPool.open(path, until=made.index_end + 1)


def content(tmp_path: Path) -> dict[str, Any]:
    data = make_fingerprint(make_pool(tmp_path / "pool", 1))
    loaded: dict[str, Any] = json.loads(data)
    del loaded["checksum"]
    return loaded


HOSTILE: dict[str, tuple[Any, str]] = {
    "version": (lambda c: c["format"].update(version=2), "format version is 2"),
    "name": (lambda c: c["format"].update(name="other"), "not a file of the kind"),
    "more": (lambda c: c.update(more=1), "'more'"),
    "less": (lambda c: c.pop("kernels"), "kernels"),
    "scale": (lambda c: c["kernels"][0].update(scale=1), r"kernels\[0\].scale"),
    "tap": (lambda c: c["kernels"][0]["taps"].append(1), r"kernels\[0\]: taps must be a square"),
    "sum": (lambda c: c["kernels"][0]["taps"].__setitem__(0, 3), "sums to a power of two"),
    "huge": (lambda c: c["kernels"][0]["taps"].__setitem__(0, 10**30), "taps"),
    "text": (lambda c: c["kernels"][0]["taps"].__setitem__(0, "1"), "taps"),
    "phase": (lambda c: c["kernels"][0]["taps"].reverse(), "centre of mass"),
    "photo": (lambda c: c["kernels"][0].update(photo=9), r"kernels\[0\]: photo must be below 1"),
    "infinite": (lambda c: c["kernels"][0]["values"].update(confidence=0.5, x="y"), "values"),
    "kind": (lambda c: c["measurements"][0].update(kind="diary"), "kind must be one of"),
    "table": (lambda c: c["measurements"][0]["values"].update(luma="abc"), "luma"),
    "zero": (lambda c: c["measurements"][0]["values"].update(luma=[0] * 64), "luma"),
    "short": (lambda c: c["measurements"][0]["values"].update(chroma=[1] * 3), "chroma"),
    "nested": (
        lambda c: c["measurements"][0]["values"].update(a=[[[[[[[[[[1]]]]]]]]]]),
        r"measurements\[0\].*deep",
    ),
    "sharpened": (
        lambda c: c["measurements"][0].update(kind="sharpening", values={"sharpened": True}),
        r"measurements\[0\].*amount",
    ),
    "noise": (
        lambda c: c["measurements"][0].update(kind="noise-model", values={"colours": 3}),
        r"measurements\[0\]",
    ),
    "doubt": (lambda c: c["measurements"][0].update(confidence=7.0), "confidence"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_fingerprints_are_refused_by_name(tmp_path: Path, name: str) -> None:
    change, said = HOSTILE[name]
    hostile = content(tmp_path)
    change(hostile)
    path = write(tmp_path / "f.json", encode_json(hostile))
    with pytest.raises(CorruptDataError, match=said) as caught:
        DegradationPool.open(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 500


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "does not begin with a checksum"),
        (b"\xff\xd8\xff\xe0 a photo", "does not begin with a checksum"),
        (b'{"checksum": "' + b"0" * 64 + b'",\n}', "checksum"),
        (b" " * (5 << 20), "larger than any fingerprint"),
    ],
    ids=["empty", "photo", "changed", "large"],
)
def test_other_files_are_no_fingerprints(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(CorruptDataError, match=said):
        DegradationPool.open(write(tmp_path / "f.json", data))


def test_fingerprint_keeps_both_kernels_of_a_match_and_none_of_an_earlier_one(
    tmp_path: Path,
) -> None:
    pool = make_pool(tmp_path / "pool", 60)
    add_matches(pool, (-0.1, -0.2))
    data = make_fingerprint(pool)
    assert len(data) <= MOST_BYTES and data == make_fingerprint(pool)
    made = DegradationPool.open(write(tmp_path / "f.json", data))
    whole, index = pool.index(4), made.index(4)
    assert {len(group) for group in whole.matched_by_photo} == {2}
    # So each photo is as likely as another, and corrected kernels as those that were estimated.
    assert {len(group) for group in index.matched_by_photo} == {2}
    assert 5 <= len(index.matched_by_photo) < 60
    # An estimated kernel whose taps are those of a match's stays an estimated one, too.
    assert len(index.kernels_by_photo) == len(index.matched_by_photo)
    assert len(set(index.kernel_ids) | set(index.matched_ids)) == len(made.kernels)
    assert set(index.matched_ids) <= set(whole.matched_ids)
    widths = [
        np.array([sum(kernel_sigmas(source.read_kernel(key).weights)) for key in ids])
        for source, ids in ((pool, whole.matched_ids), (made, index.matched_ids))
    ]
    assert widths[1].mean() == pytest.approx(widths[0].mean(), rel=0.01)
    assert widths[1].std() == pytest.approx(widths[0].std(), rel=0.1)


def test_fingerprint_of_one_camera_keeps_the_match_of_its_photos(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool", 4)
    add_matches(pool, (-0.1,))
    chosen = [f"{number:064x}" for number in (0, 2)]
    data = make_fingerprint(pool, photos=chosen)
    made = DegradationPool.open(write(tmp_path / "f.json", data))
    assert [len(group) for group in made.index(4).matched_by_photo] == [2, 2]
    assert made.matched_recipe(4) == pool.matched_recipe(4)
    assert json.loads(data)["photos"] == 2  # a match is no photo
    with pytest.raises(InvalidValueError, match="nothing to make a fingerprint of"):
        make_fingerprint(pool, photos=["f" * 64])


def test_which_kernels_were_estimated_is_told_by_a_fingerprint_as_by_its_pool(
    tmp_path: Path,
) -> None:
    pool = make_pool(tmp_path / "pool")
    with pool.writing():
        _add_methods(pool)
    read = DegradationPool.open(write(tmp_path / "f.json", make_fingerprint(pool)))
    for each in (pool, read):
        index = each.index(4, ("spectral-kernel",))
        records = (record for record in each.kernels if record.id in index.spectral)
        methods = {record.provenance.method for record in records}
        assert len(index.kernel_ids) == 5 and len(index.spectral) == 3
        assert methods == {"spectral"}
        assert index.spectral == each.index(4).spectral
        assert not each.index(4, ()).spectral and not each.index(2).spectral
        assert each.digest(4, ("spectral-kernel",)) != each.digest(4, ())
