from __future__ import annotations

import struct

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.images.tiff.pages import photo_page
from tests.tiff_files import Tags, tags_of, tiff_file, written

PIXELS = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
SMALL = PIXELS[:1, :2].copy()


def _page(pixels: np.ndarray = PIXELS, **tags: int | bytes) -> tuple[Tags, list[bytes]]:
    numbered = {int(name[1:]): value for name, value in tags.items()}
    return {**tags_of(pixels), **numbered}, [pixels.tobytes()]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("large", [False, True])
def test_photo_page_reads_both_forms_and_byte_orders(order: str, large: bool) -> None:
    page, has_copies, _ = photo_page(tiff_file(_page(t274=6), order=order, large=large))
    assert (page.width, page.height, page.samples, page.bits) == (8, 6, 3, 8)
    assert (page.orientation, page.photometric, has_copies) == (6, 2, False)
    assert page.directory.is_large == large


def test_photo_page_fills_in_what_a_file_does_not_say() -> None:
    page, _, _ = photo_page(tiff_file(({256: 8, 257: 6}, [b"123456"])))
    assert (page.samples, page.bits, page.compression, page.orientation) == (1, 1, 1, 1)
    assert (page.photometric, page.sample_formats, page.is_planar) == (1, {1}, False)


@pytest.mark.parametrize(
    ("tags", "samples"),
    [
        ({258: (8, 8, 8), 262: 2}, 3),
        ({258: 8, 262: 2}, 3),
        ({258: (8, 8, 8, 8), 262: 2}, 4),
        ({258: 8, 262: 5}, 4),
        ({258: (8, 8, 8, 8), 332: 1}, 4),
        ({258: 8, 262: 1}, 1),
    ],
)
def test_samples_is_found_without_its_tag(tags: Tags, samples: int) -> None:
    page, _, _ = photo_page(tiff_file(({256: 8, 257: 6, **tags}, [b""])))
    assert (page.samples, page.bits) == (samples, 8)


@pytest.mark.parametrize(
    ("photometric", "samples", "kinds", "alpha"),
    [
        (2, 4, None, (3, False)),
        (2, 4, 0, (3, False)),
        (2, 4, 1, (3, True)),
        (2, 4, 2, (3, False)),
        (2, 5, (0, 2), (4, False)),
        (2, 5, (0, 0), None),
        (2, 5, None, None),
        (1, 2, 2, (1, False)),
        (5, 5, None, None),
        (5, 5, 1, (4, True)),
        (2, 3, 2, None),
    ],
)
def test_alpha_is_the_extra_sample_that_says_so(
    photometric: int, samples: int, kinds: int | None, alpha: tuple[int, bool] | None
) -> None:
    tags: Tags = {256: 8, 257: 6, 258: (8,) * samples, 262: photometric, 277: samples}
    if kinds is not None:
        tags[338] = kinds
    assert photo_page(tiff_file((tags, [b""])))[0].alpha == alpha


@pytest.mark.parametrize(
    "beside",
    [
        _page(SMALL, t254=1),
        _page(SMALL, t254=4),
        _page(SMALL, t255=2),
        _page(SMALL, t262=4),
        _page(SMALL, t513=9),
        ({513: 9, 514: 100}, []),
    ],
    ids=["reduced", "mask", "reduced of old", "mask by its colours", "EXIF", "EXIF without size"],
)
def test_photo_page_passes_over_copies_and_masks(beside: tuple[Tags, list[bytes]]) -> None:
    page, has_copies, _ = photo_page(tiff_file(_page(), beside))
    assert (page.width, has_copies) == (8, True)


def test_photo_page_finds_the_photo_behind_its_thumbnail() -> None:
    behind = tiff_file(_page(SMALL, t254=1), _page())
    inside = tiff_file(_page(SMALL, t254=1), within=[_page()])
    for data in (behind, inside):
        page, has_copies, _ = photo_page(data)
        assert (page.width, has_copies) == (8, True)


def test_photo_page_turns_a_photo_as_its_thumbnail_says() -> None:
    said = tiff_file(_page(SMALL, t254=1, t274=6), within=[_page()])
    both = tiff_file(_page(SMALL, t254=1, t274=6), within=[_page(t274=3)])
    assert (photo_page(said).orientation, photo_page(both).orientation) == (6, 3)


def test_photo_page_ends_within_many_directories() -> None:
    """A list of directories that lie in one another, each of thousands of entries."""
    data = bytearray(b"II*\0\x08\0\0\0" + struct.pack("<HHII", 254, 4, 1, 1) * 70_000)
    for page in range(2000):
        place = 8 + 12 * page
        struct.pack_into("<H", data, place, 60_000)
        struct.pack_into("<I", data, place + 2 + 12 * 60_000, place + 12)
    with pytest.raises(InvalidValueError, match="more than 1000 pages"):
        photo_page(bytes(data))


def test_photo_page_takes_the_largest_of_a_pyramid() -> None:
    levels = [PIXELS[::step, ::step].copy() for step in (2, 4)]
    inside = [_page(level) for level in levels]  # those of a page need no tag that says so
    listed = [_page(level, t254=1) for level in levels]
    for data in (tiff_file(_page(), within=inside), tiff_file(_page(), *listed)):
        assert photo_page(data)[0].width == 8


def test_photo_page_takes_a_lone_page_whatever_it_calls_itself() -> None:
    page, has_copies, _ = photo_page(tiff_file(_page(t254=1)))
    assert (page.width, has_copies) == (8, False)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (tiff_file(_page(), _page(), _page()), 3),
        (tiff_file(_page(), _page(SMALL)), 2),
        (tiff_file(_page(), within=[_page(np.repeat(PIXELS, 2, axis=1))]), 2),
        (tiff_file(_page(SMALL, t254=1), _page(SMALL, t254=1)), 2),
        (tiff_file(_page(t270=b"ImageJ=1.54f\nimages=7\nslices=7\n")), 7),
        (tiff_file(_page(t32997=5)), 5),
        (written(np.zeros((4, 6, 8), np.uint8), photometric="minisblack"), 4),
        (written(np.zeros((4, 6, 8), np.uint8), imagej=True, metadata={"axes": "ZYX"}), 4),
        (written(np.zeros((4, 6, 8), np.uint8), ome=True, metadata={"axes": "TYX"}), 4),
    ],
)
def test_photo_page_refuses_several_pages_by_their_number(data: bytes, count: int) -> None:
    with pytest.raises(InvalidValueError, match=f"holds {count} pages"):
        photo_page(data)


@pytest.mark.parametrize(
    "data",
    [
        tiff_file(_page(t262=32803)),
        tiff_file(_page(t262=34892)),
        tiff_file(_page(SMALL, t254=1), within=[_page(t262=32803)]),
        tiff_file(_page(SMALL), _page(t262=32803)),
        tiff_file(_page(t50706=b"\1\4\0\0")),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(64),
    ],
    ids=["sensor", "linear", "inside", "listed", "DNG", "CR2"],
)
def test_photo_page_refuses_sensors_data(data: bytes) -> None:
    with pytest.raises((InvalidValueError, struct.error), match="raw file"):
        photo_page(data)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({277: 17}, "17 samples a pixel"),
        ({277: 0}, "0 samples a pixel"),
        ({258: (5, 6, 5)}, "5, 6, 5 bits"),
    ],
)
def test_header_values_that_are_not_read_are_named(tags: Tags, reason: str) -> None:
    page, _, _ = photo_page(tiff_file(({**tags_of(PIXELS), **tags}, [b""])))
    with pytest.raises(InvalidValueError, match=reason):
        _ = page.bits


def test_photo_page_ends_at_a_circle() -> None:
    data = bytearray(tiff_file(_page()))
    (place,) = struct.unpack_from("<I", data, 4)
    struct.pack_into("<I", data, len(data) - 4, place)
    assert photo_page(bytes(data))[0].width == 8
