"""Option files as text, in YAML, TOML and JSON.

Values are texts, booleans, numbers, None, lists of those, and mappings. YAML is written by hand:
forty lines serve where PyYAML would be one more package that everybody must install.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import tomli_w

from degrade.errors import InvalidValueError

__all__ = ["OptionTree", "to_json", "to_toml", "to_yaml"]

OptionTree: TypeAlias = dict[str, Any]
"""Options by name, as a trainer nests them."""


def to_json(options: OptionTree) -> str:
    """Return the options as JSON."""
    return json.dumps(options, indent=2, ensure_ascii=False) + "\n"


def to_yaml(options: OptionTree) -> str:
    """Return the options as YAML in block style."""
    return "".join(_yaml_lines(options, ""))


def _yaml_lines(options: OptionTree, indent: str) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:\n"
            yield from _yaml_lines(value, f"{indent}  ")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield f"{indent}{name}:\n"
            for item in value:
                first, *others = _yaml_lines(item, f"{indent}    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from others
        else:
            yield f"{indent}{name}: {'~' if value is None else _scalar(value)}\n"


def to_toml(options: OptionTree) -> str:
    """Return the options as TOML; fields that are None are left out.

    Raises
    ------
    InvalidValueError
        A value is none that TOML has.
    """
    try:
        return tomli_w.dumps(_without_none(options))
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"an option cannot be written as TOML ({error})") from None


def _without_none(options: OptionTree) -> OptionTree:
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in options.items()
        if value is not None
    }


def _scalar(value: Any) -> str:
    """Return a value in YAML, on one line.

    A float has a point and no exponent: YAML 1.1 takes ``1e-05`` for a text.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, float):
        digits = f"{value:.12f}".rstrip("0")
        return f"{digits}0" if digits.endswith(".") else digits
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    raise InvalidValueError(f"an option cannot be {value!r:.80}")
