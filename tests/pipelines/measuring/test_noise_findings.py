"""What is remembered of a search comes back as it was, or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from degrade.errors import InvalidValueError
from degrade.pool import MeasurementRecord
from pipelines.measuring.noise_findings import PhotoFindings

FOUND = PhotoFindings(
    patch_size=32,
    positions=9,
    accepted=3,
    kept=2,
    refused={"variance": 5, "flat": 1},
    bins=[0, 1, 2, 3, 0, 0, 0],
    wanted=27.0,
    block_steps=None,
)


def record(values: dict[str, Any]) -> MeasurementRecord:
    objects = ("0" * 32, "1" * 32)
    return MeasurementRecord(
        kind="noise", photo="ab" * 32, settings={}, values=values, objects=objects
    )


@pytest.mark.parametrize(
    "found", [FOUND, msgspec.structs.replace(FOUND, wanted=None, block_steps=2.5)]
)
def test_from_record_gives_what_to_values_had(found: PhotoFindings) -> None:
    again = PhotoFindings.from_record(record(found.to_values()))
    assert again == found and again.describe("x") == found.describe("x")


@pytest.mark.parametrize(
    "change",
    [
        {"positions": -1},
        {"accepted": "3"},
        {"kept": 3},
        {"refused": []},
        {"refused": {"a": None}},
        {"bins": [1]},
        {"bins": [1.5] * 7},
        {"wanted": "27"},
        {"block_steps": []},
        {"patch_ids": []},
        {"positions": True},
        {"surprise": 1},
        {"bins": [2**50] * 7},
        {"refused": {"\x1b[2J": 1}},
    ],
)
def test_from_record_refuses_what_no_search_gives(change: dict[str, Any]) -> None:
    assert PhotoFindings.from_record(record(FOUND.to_values())) == FOUND
    assert PhotoFindings.from_record(record({**FOUND.to_values(), **change})) is None


@pytest.mark.parametrize("change", [{"wanted": float("nan")}, {"bins": [2**70] * 7}])
def test_no_record_holds_numbers_that_json_would_not_give_back(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="values"):
        record({**FOUND.to_values(), **change})


def test_from_record_refuses_what_lacks_a_field_or_a_patch() -> None:
    assert PhotoFindings.from_record(record({})) is None
    fewer = msgspec.structs.replace(record(FOUND.to_values()), objects=("0" * 32,))
    assert PhotoFindings.from_record(fewer) is None


def test_describe_says_each_thing_that_there_is() -> None:
    assert FOUND.describe("a\n") == (
        "a\\n: 3 of 9 positions at 32 px, of which 2 are kept; refused: variance 5, flat 1"
    )
    none = msgspec.structs.replace(
        FOUND, positions=1, accepted=0, kept=0, refused={}, block_steps=3.14
    )
    assert none.describe("b") == (
        "b: 0 of 1 position at 32 px; `max_variance=27` would find some; "
        "JPEG blocks: steps between them are 3.1 times the others"
    )
