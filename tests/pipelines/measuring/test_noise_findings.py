"""What is remembered of a search comes back as it was, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipelines.measuring.noise_findings import PhotoFindings

FOUND = PhotoFindings(
    positions=9,
    accepted=3,
    kept=2,
    refused={"variance": 5, "flat": 1},
    bins=[0, 1, 2, 3, 0, 0, 0],
    wanted=27.0,
    block_steps=None,
    patch_ids=("a", "b"),
)


@pytest.mark.parametrize("found", [FOUND, replace(FOUND, wanted=None, block_steps=2.5)])
def test_from_text_gives_what_to_text_had(found: PhotoFindings) -> None:
    again = PhotoFindings.from_text(found.to_text())
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
        {"patch_ids": 5},
        {"surprise": 1},
        {"bins": [2**70] * 7},
        {"refused": {"\x1b[2J": 1}},
        {"wanted": float("nan")},
        {"block_steps": float("inf")},
    ],
)
def test_from_text_refuses_what_no_search_gives(change: dict[str, Any]) -> None:
    assert PhotoFindings.from_text(json.dumps({**json.loads(FOUND.to_text()), **change})) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "[" * 100_000])
def test_from_text_refuses_what_is_no_object(text: str) -> None:
    assert PhotoFindings.from_text(text) is None


def test_describe_says_each_thing_that_there_is() -> None:
    assert FOUND.describe("a\n") == (
        "a\\n: 3 of 9 positions, of which 2 are kept; refused: variance 5, flat 1"
    )
    none = replace(FOUND, positions=1, accepted=0, kept=0, refused={}, block_steps=3.14)
    assert none.describe("b") == (
        "b: 0 of 1 position; --max-variance 27 would find some; "
        "JPEG blocks: steps between them are 3.1 times the others"
    )
