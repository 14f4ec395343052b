"""``study.json``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from degrade.errors import CorruptDataError, InputError
from degrade.opinions import DECOY, NOTHING, TRUE
from degrade.studies import STUDY_NAME, encode_definition, read_definition
from tests.degrade.studies.studying import define


def test_definition_is_read_as_it_was_written(tmp_path: Path) -> None:
    definition = define("pairs", ("a", "b"), 3, per_rater=4)
    (tmp_path / STUDY_NAME).write_bytes(encode_definition(definition))
    assert read_definition(tmp_path) == definition
    assert definition.design.decoys == (0, 1, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"kind": "dice"},
        {"images": []},
        {"methods": ["a", "b", "c"]},
        {"questions": []},
        {"extra": 1},
        {"images": [{"name": "x", "width": 1, "height": 1, "results": ["../../etc/passwd", "b"]}]},
    ],
)
def test_read_definition_refuses_what_does_not_fit(
    tmp_path: Path, change: dict[str, object]
) -> None:
    content = json.loads(encode_definition(define("pairs", ("a", "b"), 1))) | change
    (tmp_path / STUDY_NAME).write_text(json.dumps(content))
    with pytest.raises(CorruptDataError, match=r"study\.json") as error:
        read_definition(tmp_path)
    assert "\n" not in str(error.value)


def test_read_definition_of_nothing_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"study\.json"):
        read_definition(tmp_path)


def test_picture_of_special_methods() -> None:
    definition = define("mos", ("a", "b"), 1)
    image = definition.images[0]
    assert definition.picture(0, 1) == image.results[1]
    assert definition.picture(0, DECOY) == image.decoy
    assert definition.picture(0, TRUE) == image.results[0]
    for place in ((0, NOTHING), (0, 2), (1, 0), (-1, 0), (0, -9)):
        with pytest.raises(CorruptDataError, match="restore both"):
            definition.picture(*place)
