"""Option files as text: the little of YAML, TOML and JSON that trainers' options need.

Values are texts, booleans, numbers, None, lists of those, and mappings; YAML also takes lists of
mappings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from degrade.errors import InvalidValueError

__all__ = ["Options", "to_json", "to_toml", "to_yaml"]

Options: TypeAlias = Mapping[str, Any]


def to_json(options: Options) -> str:
    """Return the options as JSON."""
    return json.dumps(options, indent=2, ensure_ascii=False) + "\n"


def to_yaml(options: Options) -> str:
    """Return the options as YAML in block style."""
    return "".join(_yaml_lines(options, ""))


def _yaml_lines(options: Options, indent: str) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:\n"
            yield from _yaml_lines(value, f"{indent}  ")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield f"{indent}{name}:\n"
            for item in value:
                first, *others = _yaml_lines(item, f"{indent}    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from others
        else:
            yield f"{indent}{name}: {'~' if value is None else _scalar(value)}\n"


def to_toml(options: Options) -> str:
    """Return the options as TOML; fields that are None are left out."""
    return "".join(_toml_lines(options, ())).lstrip("\n")


def _toml_lines(options: Options, path: tuple[str, ...]) -> Iterator[str]:
    plain = {
        name: value
        for name, value in options.items()
        if value is not None and not isinstance(value, Mapping)
    }
    if path and plain:
        yield f"\n[{'.'.join(path)}]\n"
    for name, value in plain.items():
        yield f"{name} = {_scalar(value)}\n"
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _toml_lines(value, (*path, name))


def _scalar(value: Any) -> str:
    """Return a value as all three languages write it.

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
