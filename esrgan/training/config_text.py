"""Configurations as text: TOML that can be read back, and single changes such as ``steps=20``."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tomli_w

from degrade.errors import InvalidValueError
from esrgan.losses import LOSSES
from esrgan.training.config import TrainingConfig, weight_name

__all__ = ["nearest_to", "parse_assignment", "to_toml", "typed_changes"]

# Integers beyond are no floats.
_LARGE = 1e300


def typed_changes(changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return settings as the types of the configuration's fields, ready to replace them.

    Parameters
    ----------
    changes : mapping of str to TOML values
    where : str
        Where they come from; begins the text of an error.

    Raises
    ------
    InvalidValueError
        A setting is unknown (the text names the nearest one) or of another type. Whether it is in
        range is for :class:`~esrgan.training.config.TrainingConfig` to say.
    """
    return {name: _typed(name, value, where) for name, value in changes.items()}


def parse_assignment(text: str) -> tuple[str, Any]:
    """Take ``key=value`` apart; a value that is no TOML is a text, so none needs quotes.

    Raises
    ------
    InvalidValueError
        There is no ``=`` or no key.
    """
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not (equals and key and value):
        raise InvalidValueError(f"a setting is changed by key=value, got {text!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return key, value
    return (key, parsed["value"]) if len(parsed) == 1 else (key, value)


def to_toml(config: TrainingConfig, table: str) -> str:
    """Return the configuration as TOML, in the order of its fields, tables of layers last.

    Parameters
    ----------
    config : TrainingConfig
    table : str
        The table that it shall be.
    """
    return tomli_w.dumps({table: config.settings()})


def nearest_to(name: str, known: Collection[str]) -> str:
    """Return the known name that looks most like ``name``."""
    return difflib.get_close_matches(name, known, n=1, cutoff=0)[0]


def _setting_types() -> dict[str, Any]:
    hints = get_type_hints(TrainingConfig)
    del hints["loss_weights"]
    return hints | {weight_name(loss): float for loss in LOSSES}


def _typed(name: str, value: Any, where: str) -> Any:
    types = _setting_types()
    if name not in types:
        raise InvalidValueError(
            f"{where}: there is no setting {name!r}; did you mean {nearest_to(name, types)!r}?"
        )
    typed = _as_type(value, types[name])
    if typed is None:
        raise InvalidValueError(f"{where}: {name} must be {_describe(types[name])}, got {value!r}")
    return typed


def _as_type(value: Any, hint: Any) -> Any:
    """Return a TOML value as the type of a field; None where it is of another."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value if value in arguments else None
    if origin is tuple:
        return _as_tuple(value, arguments)
    if origin is not None:  # Mapping[str, float]
        items = value.items() if isinstance(value, Mapping) else ((None, None),)
        typed = {key: _as_type(item, float) for key, item in items}
        return None if None in typed.values() else typed
    if isinstance(value, bool) or hint is bool:
        return value if isinstance(value, bool) and hint is bool else None
    if isinstance(value, float) and hint is int:
        return int(value) if value.is_integer() else None  # 1e6 steps
    return hint(value) if isinstance(value, int | float) and abs(value) < _LARGE else None


def _as_tuple(value: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
    if isinstance(value, str) and get_origin(arguments[0]) is Literal:
        value = [name.strip() for name in value.split(",") if name.strip()]
    if not isinstance(value, list | tuple):
        return None
    if arguments[-1] is not Ellipsis and len(value) != len(arguments):
        return None
    typed = tuple(_as_type(item, arguments[0]) for item in value)
    return None if None in typed else typed


def _describe(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        kind = "whole numbers" if arguments[0] is int else "numbers"
        if get_origin(arguments[0]) is Literal:
            kind = " or ".join(get_args(arguments[0]))
        return f"a list of {kind}" if arguments[-1] is Ellipsis else f"a list of two {kind}"
    if origin is not None:
        return "a table of layers and weights, such as {conv5_4 = 1.0}"
    return {bool: "true or false", int: "a whole number", float: "a number"}[hint]
