"""The text of option files says what the options are, in the language's own parser's words."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.exchange.option_text import to_json, to_toml, to_yaml

_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
)
_texts = st.text(max_size=12).filter(str.isprintable)
_numbers = st.integers(-(10**12), 10**12) | st.integers(-(10**9), 10**9).map(lambda n: n / 10**9)
_scalars = st.booleans() | _numbers | _texts
_lists = st.lists(_scalars, max_size=3)
_options = st.recursive(
    st.dictionaries(_names, _scalars | _lists, max_size=4),
    lambda inner: st.dictionaries(_names, _scalars | _lists | inner.filter(bool), max_size=4),
    max_leaves=8,
)


def without_empty(value: Any) -> Any:
    """TOML cannot say that a table without anything in it exists, nor do options need it."""
    if not isinstance(value, dict):
        return value
    inner = {name: without_empty(item) for name, item in value.items()}
    return {name: item for name, item in inner.items() if item != {}}


@given(_options)
def test_to_toml_is_read_back_as_it_was(options: dict[str, Any]) -> None:
    assert without_empty(tomllib.loads(to_toml(options))) == without_empty(options)


@given(_options)
def test_to_json_is_read_back_as_it_was(options: dict[str, Any]) -> None:
    assert json.loads(to_json(options)) == options


@given(_options.filter(lambda options: options == without_empty(options) != {}))
def test_to_yaml_is_read_back_as_it_was(options: dict[str, Any]) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(to_yaml(options)) == options


def test_to_yaml_writes_nothing_and_lists_of_mappings() -> None:
    yaml = pytest.importorskip("yaml")
    options = {"a": None, "b": [{"x": 1e-5, "y": {"z": 2}}, {"x": 0.5}], "c": True}
    assert yaml.safe_load(to_yaml(options)) == options


def test_to_yaml_refuses_what_it_cannot_say() -> None:
    for value in ("two\nlines", object(), "\udce9"):
        with pytest.raises(InvalidValueError, match="an option cannot be"):
            to_yaml({"a": value})
