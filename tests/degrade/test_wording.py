from __future__ import annotations

import pytest

from degrade.wording import byte_text, counted, most_first


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "kernel", "0 kernels"),
        (1, "kernel", "1 kernel"),
        (2, "noise patch", "2 noise patches"),
        (1, "noise patch", "1 noise patch"),
        (3, "entry", "3 entries"),
        (3, "array", "3 arrays"),
        (5, "box", "5 boxes"),
    ],
)
def test_counted_has_the_noun_agree(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (1023 << 20, "1.0 GiB"),
        (1_234_567_890, "1.1 GiB"),
        (10**20, "88817.8 PiB"),
    ],
)
def test_byte_text_takes_a_unit_that_people_read(size: int, text: str) -> None:
    assert byte_text(size) == text


def test_most_first_does_not_depend_on_the_order_of_counting() -> None:
    ranked = [("b", 5), ("a", 2), ("c", 2)]
    assert most_first({"c": 2, "a": 2, "b": 5, "d": 0}) == ranked
    assert most_first({"d": 0, "b": 5, "a": 2, "c": 2}) == ranked
    assert most_first({}) == []
