"""What ``data_manifests/NAME.json`` says of the field's data sets is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from degrade.disk.structs import Text, read_struct
from degrade.images.manifest import Role, Split

DESCRIPTIONS = Path(__file__).parents[1] / "data_manifests"


class Fact(msgspec.Struct, forbid_unknown_fields=True):
    """A statement: what is said, whether we checked it, and what it rests on."""

    value: Text
    verified: bool
    basis: Text


class Description(msgspec.Struct, forbid_unknown_fields=True):
    name: Text
    title: Text
    role: Role
    homepage: Annotated[str, msgspec.Meta(pattern="^https?://")]
    citation: Text
    licence: Fact
    resolution: Fact
    file_naming: Fact
    splits: Annotated[dict[Split, Fact], msgspec.Meta(min_length=1)]
    notes: tuple[Text, ...]


@pytest.mark.parametrize("path", sorted(DESCRIPTIONS.glob("*.json")), ids=lambda path: path.stem)
def test_data_manifests_describe_a_data_set_each(path: Path) -> None:
    assert read_struct(json.loads(path.read_text()), Description, path.name).name == path.stem


def test_data_manifests_cover_the_datasets_of_the_field() -> None:
    stems = {path.stem for path in DESCRIPTIONS.glob("*.json")}
    assert stems == {"div2k", "flickr2k", "dped_iphone", "realsr", "drealsr"}
