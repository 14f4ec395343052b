"""Which photos are of one camera, for kernels, and for noise and compression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from degrade.degradation.index import BY_CAMERA, MATCHED
from degrade.degradation.steps import Residual
from degrade.kernels import gaussian_kernel
from degrade.pool import DegradationPool, Findings, Provenance
from degrade.pool.camera_groups import NAMED, UNKNOWN, camera_group, camera_sets
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import make_fingerprint
from tests.degrade.pool.parts import (
    PROVENANCE,
    found_patches,
    make_kernel,
    make_patch,
    make_photo,
)

CANON = {"make": "Canon", "model": "Canon EOS 350D", "lens": "EF 50", "iso": 400}


of_patches = (Residual.kind, Residual.photos)


def test_sets_of_a_camera_are_by_size_and_iso_and_narrow_first() -> None:
    sets = camera_sets(CANON, (600, 800))
    assert sets == (
        "Canon EOS 350D, 600×800, ISO 400",
        "Canon EOS 350D, 600×800, ISO low",
        "Canon EOS 350D",
    )
    assert camera_sets({**CANON, "lens": "EF 85"}, (800, 600)) == sets
    assert camera_sets({**CANON, "iso": 1600}, (600, 800))[1:] == (
        "Canon EOS 350D, 600×800, ISO high",
        "Canon EOS 350D",
    )
    small = camera_sets(CANON, (300, 400))
    assert set(small) & set(sets) == {"Canon EOS 350D"}
    assert len(set(camera_sets({**CANON, "digital_zoom": 2.0}, (600, 800))) & set(sets)) == 1


@pytest.mark.parametrize(
    ("values", "sets"),
    [
        ({}, (UNKNOWN,)),
        ({"make": "Canon", "iso": 100}, (UNKNOWN,)),
        ({NAMED: "", **CANON}, (UNKNOWN,)),
        ({NAMED: None, **CANON}, (UNKNOWN,)),
        ({NAMED: "my scanner", **CANON}, ("my scanner",)),
    ],
)
def test_photos_that_name_no_camera_are_one_set(values: Any, sets: tuple[str, ...]) -> None:
    assert camera_sets(values, (600, 800)) == sets
    group = camera_group(values, (600, 800))
    assert (group is None) == (sets == (UNKNOWN,))


@pytest.mark.parametrize("iso", ["many", None, [1], {}])
def test_iso_of_any_type_is_no_error(iso: Any) -> None:
    assert camera_sets({**CANON, "iso": iso}, None)[-1] == "Canon EOS 350D"


def _add(pool: DegradationPool, name: str, camera: dict[str, Any] | None) -> None:
    photo = make_photo(name, sha256=name * 64)
    found = FoundObject(make_kernel(seed=int(name, 16)), "spectral", {})
    findings = [Findings(kind="kernel", settings={}, values={}, objects=(found,))]
    findings.append(found_patches(make_patch(seed=int(name, 16))))
    if camera is not None:
        findings.append(Findings(kind="camera", settings={}, values=camera))
    pool.add_findings(photo, findings)


def test_index_offers_cameras_where_they_are_asked_for(pool: DegradationPool) -> None:
    _add(pool, "a", CANON)
    _add(pool, "b", {})
    _add(pool, "c", None)
    pool.add_kernel(make_kernel(seed=99), PROVENANCE)  # of a photo that nothing else is known of
    index = pool.index(4, [BY_CAMERA])
    cameras = {sha: sets[-1] for sha, sets in index.cameras.items()}
    assert cameras == {"a" * 64: "Canon EOS 350D", "b" * 64: UNKNOWN, "c" * 64: UNKNOWN}
    assert set(index.kernel_sources.values()) == {name * 64 for name in "abc"}
    assert len(index.kernel_ids) == 4 and index.measured == {}
    assert pool.index(4, []).cameras == pool.index(4, []).kernel_sources == {}
    assert pool.index(4).cameras == index.cameras


def test_digest_covers_cameras_and_no_other_fact_of_exif(pool: DegradationPool) -> None:
    _add(pool, "a", CANON)
    without, with_cameras = pool.digest(4, []), pool.digest(4, [BY_CAMERA])
    assert without != with_cameras
    seen = Findings(kind="camera", settings={}, values={**CANON, "exposure": 0.5, "lens": "x"})
    pool.add_findings(make_photo("a", sha256="a" * 64), [seen])
    assert pool.digest(4, [BY_CAMERA]) == with_cameras
    other = Findings(kind="camera", settings={}, values={**CANON, "iso": 3200})
    pool.add_findings(make_photo("a", sha256="a" * 64), [other])
    assert pool.digest(4, [BY_CAMERA]) != with_cameras and pool.digest(4, []) == without


def test_digest_does_not_cover_what_is_not_drawn(pool: DegradationPool) -> None:
    _add(pool, "a", CANON)
    before = pool.digest(4, [BY_CAMERA])
    other = FoundObject(gaussian_kernel(13, 2, (1, 1)), "spectral", {})
    kernel = Findings(kind="kernel", settings={}, values={}, objects=(other,))
    exif = Findings(kind="camera", settings={}, values={**CANON, "model": "another"})
    pool.add_findings(make_photo("d", sha256="d" * 64), [kernel, exif])  # of another scale
    corrected = Provenance("a", "a" * 64, None, MATCHED, {}, "1")
    pool.add_kernel(make_kernel(seed=98), corrected)
    assert pool.digest(4, [BY_CAMERA]) == before


def test_imported_kernels_are_of_no_photo_and_patches_of_no_named_camera(
    pool: DegradationPool,
) -> None:
    of_file = Provenance("k.npy", "f" * 64, None, "import", {}, "1")
    key = pool.add_kernel(make_kernel(), of_file)
    pool.add_noise(make_patch(), of_file)
    index = pool.index(4)
    assert index.kernel_ids == (key,) and index.kernel_sources == {}
    assert index.cameras == {"f" * 64: (UNKNOWN,)}


def test_imported_noise_is_drawn_with_that_of_photos_that_name_no_camera(
    pool: DegradationPool,
) -> None:
    _add(pool, "a", CANON)
    _add(pool, "b", {})
    pool.add_noise(make_patch(seed=50), Provenance("n.png", "f" * 64, None, "import", {}, "1"))
    index = pool.index(4)
    kernels = {sha[0]: key for key, sha in index.kernel_sources.items()}
    drawn = {
        name: {choice.photo_sha256[0] for choice in index.of_camera(key, *of_patches).noise}
        for name, key in kernels.items()
    }
    assert drawn == {"a": {"a"}, "b": {"b", "f"}}


def test_a_kernel_that_photos_share_is_of_no_camera(pool: DegradationPool) -> None:
    _add(pool, "a", CANON)
    _add(pool, "b", {})
    of_both = Provenance("a, b", "e" * 64, None, "spectral", {"shared": True}, "1")
    key = pool.add_kernel(make_kernel(seed=97), of_both)
    index = pool.index(4)
    assert index.of_camera(key, *of_patches) is index


def test_a_fingerprint_keeps_the_cameras_of_what_it_keeps(
    pool: DegradationPool, tmp_path: Path
) -> None:
    with pool.writing():
        for number in range(150):
            name = f"{number:064x}"
            photo = make_photo(f"{number}", sha256=name)
            found = FoundObject(make_kernel(seed=number), "spectral", {})
            kernel = Findings(kind="kernel", settings={}, values={}, objects=(found,))
            camera = {"make": "Canon", "model": f"EOS {number % 2}", "iso": 100}
            exif = Findings(kind="camera", settings={}, values=camera)
            pool.add_findings(photo, [kernel, exif])
    path = tmp_path / "camera.json"
    path.write_bytes(make_fingerprint(pool))
    index = DegradationPool.open(path).index(4)
    assert len(index.kernel_ids) == 48
    known = [index.cameras[index.kernel_sources[key]][-1] for key in index.kernel_ids]
    assert set(known) == {"Canon EOS 0", "Canon EOS 1"}
