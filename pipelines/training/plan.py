"""Which stages a training has, and what each computes: presets, a file, single changes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomli_w

from degrade.disk.text_files import read_text
from degrade.errors import InputError, InvalidValueError, printable
from esrgan.training.config import TrainingConfig
from esrgan.training.config_text import nearest_to, parse_assignment, to_toml, typed_changes
from esrgan.training.presets import PRESETS, preset_named

__all__ = ["Stage", "plan_stages", "stages_to_toml"]

_DEFAULT = "tiny"


@dataclass(frozen=True, slots=True)
class Stage:
    """One training after another: its preset's name, and what it computes."""

    name: str
    config: TrainingConfig


@dataclass(frozen=True, slots=True)
class _File:
    """A configuration file: stages, settings of all of them, settings of one."""

    stages: tuple[str, ...]
    common: Mapping[str, Any]
    single: Mapping[str, Mapping[str, Any]]


def plan_stages(
    *,
    preset: str | None = None,
    stages: Sequence[str] = (),
    file: Path | None = None,
    assignments: Sequence[str] = (),
    explicit: Mapping[str, Any] | None = None,
    has_init: bool = False,
) -> tuple[Stage, ...]:
    """Return the stages of a training; each replaces the one before: preset, file, --set, options.

    Parameters
    ----------
    preset : str or None
        One of :data:`esrgan.training.presets.PRESETS`. It stands for itself and the presets that
        it goes on from, or for itself alone when there are weights to start from.
    stages : sequence of str
        Exactly these presets instead. Without either: the file's ``stages``, else the smallest.
    file : Path or None
        TOML: settings, tables of settings for single stages, and ``stages``.
    assignments : sequence of str
        ``key=value`` for every stage, ``STAGE.key=value`` for one.
    explicit : mapping or None
        Settings from options of their own, for every stage.
    has_init : bool
        Whether there are weights to start from.

    Raises
    ------
    InputError
        The file cannot be read.
    InvalidValueError
        A preset, stage or setting is unknown, a value is of another type or out of range, or a
        stage has another generator than the one that it goes on from.
    """
    given = _read(file) if file else _File((), {}, {})
    if preset is not None and stages:
        raise InvalidValueError("`preset` and `stages` are two ways of saying one thing; give one")
    names = tuple(stages) or (
        _chain(preset, has_init) if preset else given.stages or _chain(_DEFAULT, has_init)
    )
    if len(set(names)) < len(names):
        raise InvalidValueError(f"a stage may not come twice, got {', '.join(names)}")
    parsed = [parse_assignment(text) for text in assignments]
    _require_known((key.partition(".")[0] for key, _ in parsed if "." in key), names, "`settings`")
    planned = []
    for name in names:
        from_file = {**given.common, **given.single.get(name, {})}
        everywhere = {key: value for key, value in parsed if "." not in key}
        here = {key.partition(".")[2]: value for key, value in parsed if key.startswith(f"{name}.")}
        changes = (
            typed_changes(from_file, printable(file or ""))
            | typed_changes(everywhere | here, "`settings`")
            | typed_changes(explicit or {}, "options")
        )
        planned.append(Stage(name, preset_named(name).config.with_settings(**changes)))
    for stage, following in pairwise(planned):
        _require_same_generator(stage, following)
    return tuple(planned)


def stages_to_toml(stages: Sequence[Stage]) -> str:
    """Return the plan as a file that :func:`plan_stages` reads back."""
    tables = [
        f"\n# {preset_named(stage.name).source}\n{to_toml(stage.config, stage.name)}"
        for stage in stages
    ]
    return tomli_w.dumps({"stages": [stage.name for stage in stages]}) + "".join(tables)


def _chain(name: str, has_init: bool) -> tuple[str, ...]:
    before = preset_named(name).before
    return (*_chain(before, False), name) if before and not has_init else (name,)


def _read(path: Path) -> _File:
    try:
        content = tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            path, f"is no TOML ({printable(str(error))})", "see `show_config`"
        ) from None
    where = printable(path)
    stages = content.pop("stages", [])
    if not isinstance(stages, list) or not all(isinstance(name, str) for name in stages):
        raise InvalidValueError(f"{where}: stages must be a list of presets, got {stages!r}")
    # Tables of layers are settings; every other table is a stage's.
    single = {
        name: table
        for name, table in content.items()
        if isinstance(table, Mapping) and not name.endswith("_layers")
    }
    _require_known(single, PRESETS, where)
    common = {name: value for name, value in content.items() if name not in single}
    return _File(tuple(stages), common, single)


def _require_same_generator(stage: Stage, following: Stage) -> None:
    for name in ("generator", "features", "blocks", "growth"):
        first, second = (getattr(each.config, name) for each in (stage, following))
        if first != second:
            raise InvalidValueError(
                f"stage {following.name} goes on from the weights of {stage.name}, but has {name} "
                f"{second} where that has {first}; give both the same, such as `{name}={first}`"
            )


def _require_known(given: Iterable[str], known: Iterable[str], where: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            raise InvalidValueError(
                f"{where}: there is no stage {name!r}; did you mean {nearest_to(name, names)!r}?"
            )
