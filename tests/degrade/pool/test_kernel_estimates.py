"""What a pool remembers of an estimate comes back; doubt and flags are two things."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from degrade.kernels.estimates import KernelEstimate
from degrade.pool import MeasurementRecord, Provenance
from degrade.pool.kernel_estimates import (
    confidence_text,
    estimate_from,
    flags_of,
    is_doubtful,
    marks_of,
    values_of,
)
from tests.degrade.pool.parts import SHA
from tests.making import make_estimate as estimate


def remembered(one: KernelEstimate) -> Provenance:
    return Provenance(
        source_name="a",
        source_sha256=None,
        box=None,
        method=one.method,
        settings={},
        tool_version="0",
        values=values_of(one),
        flags=flags_of(one),
    )


def recorded(one: KernelEstimate) -> MeasurementRecord:
    return MeasurementRecord(
        kind="kernel",
        photo=SHA,
        settings={"method": one.method},
        values={**one.statistics, "expected_kpsnr": one.expected_kpsnr},
        flags=flags_of(one),
        confidence=one.confidence,
    )


@pytest.mark.parametrize(
    ("one", "doubtful", "flags", "marks"),
    [
        (estimate(0.5), False, (), []),
        (estimate(0.499), True, (), ["doubtful"]),
        (
            estimate(0.9, ("too noisy", "clipped")),
            False,
            ("too noisy", "clipped"),
            ["flagged: too noisy, clipped"],
        ),
        (estimate(0.2, ("clipped",)), True, ("clipped",), ["doubtful", "flagged: clipped"]),
        (estimate(0.9, settled=False), False, ("not settled",), ["flagged: not settled"]),
    ],
)
def test_doubt_is_low_confidence_and_flags_are_all_else(
    one: KernelEstimate, doubtful: bool, flags: tuple[str, ...], marks: list[str]
) -> None:
    known = remembered(one)
    assert is_doubtful(one) == is_doubtful(known) == doubtful
    assert flags_of(one) == known.flags == flags
    assert marks_of(doubtful, flags) == marks


def test_a_kernel_that_nobody_judged_is_neither() -> None:
    unknown = msgspec.structs.replace(remembered(estimate(0.5)), values={}, flags=())
    assert not is_doubtful(unknown)


def test_estimate_from_is_the_estimate_that_was_kept() -> None:
    one = replace(estimate(0.3, ("too noisy",), settled=False), statistics={"crops": 2.0})
    again = estimate_from(one.kernel, recorded(one))
    assert again is not None and again.kernel is one.kernel
    fields = ("method", "expected_kpsnr", "confidence", "verdicts", "settled", "statistics")
    assert [getattr(again, name) for name in fields] == [getattr(one, name) for name in fields]


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": None},
        {"values": {}},
        {"values": {"expected_kpsnr": "44"}},
        {"values": {"expected_kpsnr": True}},
        {"values": {"expected_kpsnr": 44.0, "crops": [1]}},
    ],
)
def test_estimate_from_refuses_what_no_estimate_gives(change: dict[str, object]) -> None:
    record = msgspec.structs.replace(recorded(estimate(0.5)), **change)
    assert estimate_from(estimate(0.5).kernel, record) is None


@pytest.mark.parametrize(("value", "text"), [(0.49999, "0.49"), (1.0, "1.00"), (0.0, "0.00")])
def test_confidence_text_never_rounds_up(value: float, text: str) -> None:
    assert confidence_text(value) == text
