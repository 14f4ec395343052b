"""Fingerprints with a true checksum and absurd contents: each is refused in one line, or used."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import CorruptDataError, DegradeError
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.kernels import gaussian_kernel
from degrade.noise.statistics import measure_noise
from degrade.pool import DegradationPool, Findings
from degrade.pool.camera_kernels import settle_camera_kernels
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import make_fingerprint
from tests.degrade.noise.planted import noisy_photo
from tests.degrade.pool.parts import make_photo

Content = dict[str, Any]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Return a fingerprint of kernels, those of their camera, and all that steps draw from."""
    pool = DegradationPool.create(tmp_path_factory.mktemp("sound") / "pool")
    kernel = gaussian_kernel(13, 2, (1.3, 1.0), 0.4)
    noise = measure_noise(noisy_photo("hostile"), camera="A1")
    jpeg = msgspec.to_builtins(JpegSettings(*standard_tables(80), "4:2:0"))
    known = {"expected_kpsnr": 45.0, "confidence": 0.7, "row": 1.0, "column": 2.0, "radius": 0.5}
    found = (FoundObject(kernel, "spectral", known),)
    sharpened = {"sharpened": True, "amount": 0.5, "radius": 1.0}
    pool.add_findings(
        make_photo(),
        [
            Findings(kind="kernel", settings={}, values={"expected_kpsnr": 45.0}, objects=found),
            Findings(kind="noise-model", settings={}, values=msgspec.to_builtins(noise)),
            Findings(kind="jpeg", settings={}, values={"format": "jpeg", **jpeg}),
            Findings(kind="sharpening", settings={}, values=sharpened),
            Findings(kind="camera", settings={}, values={"make": "A", "model": "1"}),
        ],
    )
    second = gaussian_kernel(13, 2, (1.5, 1.1), 0.4)
    of_second = Findings(
        kind="kernel",
        settings={},
        values={"expected_kpsnr": 45.0},
        objects=(FoundObject(second, "spectral", known),),
    )
    camera = Findings(kind="camera", settings={}, values={"make": "A", "model": "1"})
    pool.add_findings(make_photo("b", "cd" * 32), [of_second, camera])
    assert settle_camera_kernels(pool)
    content: Content = json.loads(make_fingerprint(pool, names=True))
    del content["checksum"]
    return content


def signed(body: str) -> bytes:
    """Return a file of a body, which begins behind the first brace, with its checksum."""
    data = body.encode("utf-8", "surrogatepass")
    return b'{"checksum": "%s",\n' % hashlib.sha256(data).hexdigest().encode() + data


def write(path: Path, content: Content) -> Path:
    path.write_bytes(signed(json.dumps(content)[1:]))
    return path


def copied(content: Content) -> Content:
    loaded: Content = json.loads(json.dumps(content))
    return loaded


def of_kind(content: Content, kind: str) -> Content:
    found: Content = next(m for m in content["measurements"] if m["kind"] == kind)
    return found


def values(kind: str, name: str, value: object) -> Callable[[Content], object]:
    return lambda content: of_kind(content, kind)["values"].__setitem__(name, value)


def kernel(name: str, value: object) -> Callable[[Content], object]:
    return lambda content: content["kernels"][0].__setitem__(name, value)


def moved(name: str, value: object) -> Callable[[Content], object]:
    return lambda content: content["kernels"][0]["moved"].__setitem__(name, value)


def kernel_value(name: str, value: object) -> Callable[[Content], object]:
    return lambda content: content["kernels"][0]["values"].__setitem__(name, value)


def colour(place: int, value: object) -> Callable[[Content], object]:
    return lambda c: of_kind(c, "noise-model")["values"]["colours"][0].__setitem__(place, value)


def _wild(content: Content) -> None:
    taps = content["kernels"][0]["taps"]
    for place in (0, -1):
        taps[place] += 2**18
    for place in (12, -13):
        taps[place] -= 2**18


ABSURD: dict[str, tuple[Callable[[Content], object], str]] = {
    "nan": (kernel_value("confidence", float("nan")), "NaN is no number"),
    "infinite": (kernel_value("expected_kpsnr", float("inf")), "Infinity is no number"),
    "overflowing": (lambda c: c.update(photos="1e999"), "photos"),
    "sure beyond": (kernel_value("confidence", 1e308), r"kernels\[0\]\.values: confidence"),
    "row": (kernel_value("row", 1e9), r"kernels\[0\]\.values: row"),
    "radius": (kernel_value("radius", -1.0), r"kernels\[0\]\.values: radius"),
    "decibels": (kernel_value("expected_kpsnr", -1e300), "expected_kpsnr"),
    "share": (moved("share", 1.5), r"kernels\[0\]\.moved\.share"),
    "one photo": (moved("photos", 1), r"kernels\[0\]\.moved\.photos"),
    "moved beyond": (moved("expected_kpsnr", 1e300), r"kernels\[0\]\.moved\.expected_kpsnr"),
    "moved taps": (moved("taps", [1] * 9), r"kernels\[0\]\.moved: taps must be a square"),
    "whose": (moved("camera", "\x1b[2J"), r"kernels\[0\]\.moved: .* no terminal shows"),
    "moved more": (moved("more", 1), r"kernels\[0\]\.moved"),
    "many values": (
        lambda c: c["kernels"][0].update(values={str(n): 0.0 for n in range(65)}),
        r"kernels\[0\]\.values",
    ),
    "variance": (colour(3, -1.0), r"measurements\[\d\]: colours\[0\]\[3\]"),
    "level": (colour(0, 256.0), r"colours\[0\]\[0\]"),
    "cells": (colour(9, 0), r"colours\[0\]\[9\]"),
    "no colours": (values("noise-model", "colours", []), "colours"),
    "spectrum": (
        lambda c: of_kind(c, "noise-model")["values"]["grain"][0].pop(),
        r"measurements\[\d\]: grain\[0\]",
    ),
    "correlation": (
        lambda c: of_kind(c, "noise-model")["values"]["grain"][0].__setitem__(1, 1.5),
        r"grain\[0\]\[1\]",
    ),
    "own": (
        lambda c: of_kind(c, "noise-model")["values"]["grain"][2].__setitem__(0, 0.0),
        r"measurements\[\d\]: grain: what a channel",
    ),
    "even": (kernel("taps", [16] * 16), r"kernels\[0\]: weights must be .* odd"),
    "too small": (
        lambda c: c["kernels"][0].update(taps=[0] * 4 + [1] + [0] * 4, scale=4),
        "centre",
    ),
    "scale": (kernel("scale", [2**60, 7]), r"kernels\[0\]"),
    "no ratio": (kernel("scale", [4, 2]), r"kernels\[0\].*lowest terms"),
    "not one": (lambda c: c["kernels"][0]["taps"].__setitem__(0, 5), "power of two"),
    "negative": (kernel("taps", [-1] * 9), "power of two"),
    "wild": (_wild, r"kernels\[0\]: taps must sum to at most 16 times"),
    "huge": (kernel("taps", [1] * (203**2)), r"kernels\[0\]\.taps"),
    "steps of 0": (values("jpeg", "luma", [0] * 64), r"measurements\[\d\]: luma"),
    "steps beyond": (values("jpeg", "chroma", [65536] * 64), "chroma"),
    "subsampling": (values("jpeg", "subsampling", 4), "subsampling"),
    "amount": (values("sharpening", "amount", "much"), "amount"),
    "deep": (
        lambda c: values("camera", "make", json.loads("[" * 50 + "]" * 50))(c),
        r"measurements\[\d\]\.values: must be nested 8 deep",
    ),
    "long": (values("camera", "make", "x" * 1001), r"measurements\[\d\]\.values: texts must have"),
    "method": (kernel("method", "x" * 101), r"kernels\[0\]\.method"),
    "flags": (kernel("flags", ["x"] * 65), r"kernels\[0\]\.flags"),
    "control": (kernel("flags", ["\x1b[31m"]), r"kernels\[0\]: .* no terminal shows"),
    "half letter": (
        lambda c: c.update(tool_version="\ud800"),
        "tool_version: .* no terminal shows",
    ),
    "version": (lambda c: c["format"].update(version=10**15), "format version is 10+"),
    "future": (lambda c: c.update(places=[]), "places"),
    "many kernels": (
        lambda c: c.update(kernels=[c["kernels"][0] | {"taps": [], "moved": None}] * 5000),
        "kernels",
    ),
    "names": (lambda c: c["names"].update({"x": "y"}), "names"),
    "long name": (lambda c: c["names"].update({"0": "y" * 1001}), "names"),
    "list": (lambda c: c.update(kernels={"0": c["kernels"][0]}), "kernels must be a list"),
    "bool": (lambda c: c.update(photos=True), "photos must be a whole number"),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_contents_are_refused_with_file_and_field(
    sound: Content, tmp_path: Path, name: str
) -> None:
    change, said = ABSURD[name]
    content = copied(sound)
    change(content)
    path = write(tmp_path / "camera.json", content)
    with pytest.raises(CorruptDataError, match=said) as caught:
        DegradationPool.open(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.isprintable() and len(message) < 500


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"a": 1e999}', "format"),
        ('"photos": 1, "photos": 2}', "the key 'photos' stands twice"),
        ('"kernels": [{"scale": 2, "scale": 4}]}', "the key 'scale' stands twice"),
        ('"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON"),
        ('"a": ' + "9" * 5000 + "}", "not JSON"),
        ('"a": 1', "not JSON"),
        ('"a": "\ud800"}', "format"),
        ('"a": [' + "[]," * 300_000 + "[]]}", "format"),
        ('"a": "' + "x" * (1 << 20) + '"}', "larger than any fingerprint"),
    ],
    ids=["infinite", "twice", "twice inside", "deep", "digits", "cut", "half", "lists", "large"],
)
def test_no_json_of_a_fingerprint_is_refused(tmp_path: Path, body: str, said: str) -> None:
    path = tmp_path / "camera.json"
    path.write_bytes(signed(body))
    with pytest.raises(CorruptDataError, match=said) as caught:
        DegradationPool.open(path)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).isprintable()


def test_memory_is_bounded_by_the_files_size(sound: Content, tmp_path: Path) -> None:
    """As many kernels as a file may have, each as small as one may be."""
    least = {"taps": [0, 0, 0, 0, 4, 4, 0, 4, 4], "values": {}, "flags": [], "moved": None}
    one = sound["kernels"][0] | least
    content = copied(sound) | {"kernels": [one] * 4096}
    code = (
        "import re, sys; from pathlib import Path; from degrade.pool import DegradationPool\n"
        # Not getrusage: its peak begins with that of the process that started this one.
        "status = Path('/proc/self/status')\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1])\n"
        "before = peak()\n"
        "DegradationPool.open(Path(sys.argv[1]))\n"
        "print(peak() - before)"
    )
    path = write(tmp_path / "camera.json", content)
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) < 100 * 1024  # KiB


def paths_in(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        return found + [path for key in value for path in paths_in(value[key], (*at, key))]
    if isinstance(value, list):
        return found + [
            path for number, item in enumerate(value) for path in paths_in(item, (*at, number))
        ]
    return found


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_used_or_refused_in_one_line(
    sound: Content, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """What is read can be indexed, drawn from by every step, and told of."""
    content = copied(sound)
    *way, last = data.draw(st.sampled_from(paths_in(content)))
    place: Any = content
    for key in way:
        place = place[key]
    place[last] = data.draw(JSON)
    path = write(tmp_path_factory.getbasetemp() / "hostile.json", content)
    try:
        pool = DegradationPool.open(path)
        index = pool.index(2)
        assert pool.verify() == [] and pool.digest(2)
        if index.noise_groups.members:
            index.noise_groups.fitted(0)
    except DegradeError as error:
        assert "\n" not in str(error) and str(error).isprintable() and len(str(error)) < 700
        assert str(error).startswith(f"{path}: ")
