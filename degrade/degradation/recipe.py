"""Recipes: which steps plans are made of, how likely each is, and what it is drawn from.

A recipe is data: an ordered list of entries. One form of plain values serves TOML, the settings of
runs and JSON; :func:`read_recipe` checks every key of it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias

import msgspec

from degrade.degradation.index import SPECTRAL_KERNEL, PoolIndex
from degrade.degradation.steps import (
    STEPS,
    Blur,
    Chance,
    PhotoSettings,
    Step,
    StepSettings,
    find_step,
)
from degrade.disk.structs import Text, read_struct
from degrade.errors import CorruptDataError, InvalidValueError, printable

__all__ = ["Entry", "Recipe", "draw_steps", "kinds_drawn_from", "read_recipe"]

_MOST_ENTRIES = 64
_UNIT = 2**32
"""A probability is a share of so many integers."""

Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a recipe.

    Attributes
    ----------
    kind : str
        A name in ``STEPS``.
    settings : StepSettings or None
        How the step is drawn; None: it has nothing to set.
    probability : float
        In [0, 1]: how often a plan has the step.
    one_of : str
        Of all entries with this name a plan has one at most, by their probabilities; empty: the
        entry stands alone.
    """

    kind: str
    settings: StepSettings | None = None
    probability: float = 1.0
    one_of: str = ""

    def __post_init__(self) -> None:
        step = find_step(self.kind)
        if not step.in_recipes:
            raise InvalidValueError(f"the step {self.kind} is of training alone: no recipe has it")
        wanted = step.drawn_by
        if self.settings is None and wanted is not None:
            object.__setattr__(self, "settings", wanted())
        if type(self.settings) is not (wanted or type(None)):
            raise InvalidValueError(f"the step {self.kind} has no such settings")
        if not 0 <= self.probability <= 1:
            raise InvalidValueError(f"probability must be in 0…1, got {self.probability:g}")

    @property
    def step(self) -> type[Step]:
        """The class of the step."""
        return find_step(self.kind)

    @property
    def draws_from(self) -> tuple[str, ...]:
        """The kinds of measurements that the step is drawn from."""
        return self.step.draws_from + (self.settings.draws_from if self.settings else ())

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Step:
        """Draw the step; as :meth:`Step.draw`."""
        if self.settings is None:
            return self.step.draw(index, lr_shape, rng)
        return self.settings.draw(index, lr_shape, rng)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain values, defaults among them: later ones may be others."""
        plain: dict[str, Any] = {"kind": self.kind}
        if self.probability != 1:
            plain["probability"] = self.probability
        if self.one_of:
            plain["one_of"] = self.one_of
        set_so = msgspec.to_builtins(self.settings) if self.settings else {}
        # TOML has no word for nothing; read back from JSON, tuples are lists.
        return plain | {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in set_so.items()
            if value is not None
        }

    def words(self) -> str:
        """Return for people how often a plan has the step, and what is drawn."""
        about = self.step.about if self.settings is None else self.settings.words()
        return f"{_often(self.probability)} {self.kind}" + (f": {about}" if about else "")


@dataclass(frozen=True, slots=True)
class Recipe:
    """An ordered list of entries, and a name for it.

    Attributes
    ----------
    name : str
        For people.
    entries : tuple of Entry
        In the order in which their steps are applied.

    Raises
    ------
    InvalidValueError
        Not every plan would begin with its only step that reads HR, or have one step that makes the
        size of LR; the probabilities of a group sum to more than 1; a step is for some kernels, and
        none is drawn; or it has more than 64 entries.
    """

    name: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if len(self.entries) > _MOST_ENTRIES:
            raise InvalidValueError(f"a recipe has {_MOST_ENTRIES} steps at most")
        for name, share in _shares(self.entries).items():
            if name and share > 1 + 1e-9:
                raise InvalidValueError(
                    f"the probabilities of one_of = {name!r} sum to {share:g}, more than 1"
                )
        _check_order(self.entries)
        asking = [entry.kind for entry in self.entries if SPECTRAL_KERNEL in entry.draws_from]
        if asking and all(entry.kind != Blur.kind for entry in self.entries):
            raise InvalidValueError(
                f"{asking[0]} is for kernels that were estimated (kernels = 'spectral'), and the "
                f"recipe has none: it has no {Blur.kind}"
            )

    @property
    def possible(self) -> tuple[Entry, ...]:
        """The entries that a plan may have: those of a probability above 0."""
        return tuple(entry for entry in self.entries if entry.probability > 0)

    def without(self, kinds: Collection[str]) -> Recipe:
        """Return the recipe with no step of some kinds."""
        return replace(self, entries=tuple(e for e in self.entries if e.kind not in kinds))

    def having(self, entry: Entry, *, keeps_settings: bool = False) -> Recipe:
        """Return the recipe with an entry in the place of the first one of its kind.

        Where there is none it stands where a camera has it: behind what comes earlier in ``STEPS``.

        Parameters
        ----------
        entry : Entry
        keeps_settings : bool
            The first one of its kind, where there is one, keeps its settings.
        """
        kinds, order = [other.kind for other in self.entries], list(STEPS)
        if entry.kind in kinds:
            place = after = kinds.index(entry.kind)
            after += 1
            if keeps_settings:
                entry = replace(entry, settings=self.entries[place].settings)
        else:
            before = [n for n, k in enumerate(kinds) if order.index(k) < order.index(entry.kind)]
            place = after = max(before, default=-1) + 1
        entries = (*self.entries[:place], entry, *self.entries[after:])
        return replace(self, entries=entries)

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain values, which :func:`read_recipe` takes back."""
        return {"name": self.name, "steps": [entry.to_json() for entry in self.entries]}

    def lines(self, *, whole: bool = False) -> list[str]:
        """Return the recipe for people: its steps in order, a line each.

        Of steps of which plans have one, those that follow each other stand together.

        Parameters
        ----------
        whole : bool
            Each of them has a line with what is drawn; else they have one, with their kinds.
        """
        lines = []
        for name, group in itertools.groupby(self.entries, key=lambda entry: entry.one_of):
            entries = list(group)
            words = [entry.words() for entry in entries]
            if name and whole:
                words = [f"one {printable(name)} of:", *(f"  {line}" for line in words)]
            elif name:
                kinds = _by_kind(entries).items()
                shares = (f"{_often(share)} {kind}" for kind, share in kinds)
                words = [f"one {printable(name)} of: {', '.join(shares)}"]
            lines += words
        return lines


def _often(probability: float) -> str:
    certain = {1.0: "always", 0.0: "never"}
    return certain.get(probability, f"{100 * probability:.4g} %")


def _by_kind(entries: Iterable[Entry]) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for entry in entries:
        shares[entry.kind] += entry.probability
    return shares


def _shares(entries: Iterable[Entry]) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for entry in entries:
        shares[entry.one_of] += entry.probability
    return shares


def _check_order(entries: Sequence[Entry]) -> None:
    """Refuse a recipe some plan of which would not go from HR to LR once."""
    reading = [entry for entry in entries if entry.step.reads_hr]
    if not reading or reading != list(entries[: len(reading)]) or not _is_certain(reading):
        known = " or ".join(kind for kind, step in STEPS.items() if step.reads_hr)
        raise InvalidValueError(
            f"a recipe begins with the one step that takes HR ({known}), whose probability is 1; "
            "several of them are one_of one name, and their probabilities sum to 1"
        )
    making = [entry for entry in entries if entry.step.makes_lr]
    # Either all of the first ones make LR, or none does.
    if not _is_certain(making) or making not in (reading, [e for e in making if e not in reading]):
        known = " or ".join(kind for kind, step in STEPS.items() if step.makes_lr)
        raise InvalidValueError(
            f"every plan of a recipe has one step that makes the size of LR ({known}): "
            "its probability is 1"
        )


def _is_certain(entries: Sequence[Entry]) -> bool:
    """Tell whether every plan has exactly one of these."""
    share = sum(entry.probability for entry in entries)
    return len({entry.one_of for entry in entries}) == 1 and abs(share - 1) <= 1e-9


def kinds_drawn_from(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the kinds of measurements that the steps of these entries draw from, sorted."""
    return tuple(sorted({kind for entry in entries for kind in entry.draws_from}))


def draw_steps(
    entries: Sequence[Entry],
    pool: PoolIndex,
    lr_shape: tuple[int, int],
    rng: Chance,
    *,
    kernel_id: str | None = None,
) -> tuple[Step, ...]:
    """Draw the steps of one plan, in order.

    What is certain needs no random number: a recipe without probabilities draws what its steps
    draw.

    Parameters
    ----------
    entries : sequence of Entry
    pool : PoolIndex
    lr_shape : (height, width)
    rng : Chance
    kernel_id : str or None
        Of the plan that these steps go on with; else it is that of the first of them.

    Raises
    ------
    InvalidValueError
        The pool lacks what a step draws from.
    """
    chosen: dict[str, int] = {}
    steps: list[Step] = []
    for number, entry in enumerate(entries):
        group = [n for n, e in enumerate(entries) if entry.one_of and e.one_of == entry.one_of]
        name = entry.one_of or f"step {number}"
        if not group or number == group[0]:
            chosen[name] = _choose(entries, group or [number], rng)
        if chosen[name] == number:
            offered = pool
            if isinstance(entry.settings, PhotoSettings) and entry.settings.is_of_camera:
                offered = pool.of_camera(kernel_id, entry.kind, entry.step.photos)
            step = entry.draw(offered, lr_shape, rng)
            if isinstance(step, Blur):
                kernel_id = step.kernel_id
            behind: Step | None = step
            if entry.settings:
                behind = entry.settings.behind(step, steps, pool, kernel_id)
            if behind is not None:
                steps.append(behind)
    return tuple(steps)


def _choose(entries: Sequence[Entry], group: Sequence[int], rng: Chance) -> int:
    """Choose a number of a group by the entries' probabilities; -1: none of them."""
    shares = {number: entries[number].probability for number in group}
    certain = [number for number, share in shares.items() if share == 1]
    if certain or not any(shares.values()):
        return certain[0] if certain else -1
    drawn, end = rng.integers(_UNIT), 0.0
    for number, share in shares.items():
        end += share
        # A sum of probabilities may miss 1 by its rounding.
        if drawn < _UNIT * end or end > 1 - 1e-9:
            return number
    return -1


class _Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(min_length=1)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "recipe"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Text
    probability: Share = 1.0
    one_of: str = ""


def read_recipe(data: Mapping[str, Any]) -> Recipe:
    """Check plain values, such as a TOML file holds, and return the recipe.

    Raises
    ------
    InvalidValueError
        A key is missing, unknown, or of another type or range than it may be; the text names the
        step and the key, and says what it may be.
    """
    try:
        found = read_struct(data, _Recipe, "a recipe")
        entries = tuple(_read_entry(number, step) for number, step in enumerate(found.steps, 1))
    except CorruptDataError as error:
        raise InvalidValueError(str(error)) from None
    return Recipe(found.name, entries)


def _read_entry(number: int, data: dict[str, Any]) -> Entry:
    kind = data.get("kind")
    what = f"step {number}" + (f" ({printable(kind[:40])})" if isinstance(kind, str) else "")
    common = {name: data[name] for name in data if name in _Entry.__struct_fields__}
    entry = read_struct(common, _Entry, what)
    further = {name: data[name] for name in data if name not in common}
    try:
        wanted = find_step(entry.kind).drawn_by
        _refuse_unknown(further, wanted.__struct_fields__ if wanted else ())
        settings = read_struct(further, wanted, what) if wanted else None
        return Entry(entry.kind, settings, entry.probability, entry.one_of)
    except InvalidValueError as error:
        raise InvalidValueError(f"{what}: {error}") from None


def _refuse_unknown(found: Iterable[str], known: Sequence[str]) -> None:
    unknown = [name for name in found if name not in known]
    if unknown:
        may = ", ".join((*_Entry.__struct_fields__, *known))
        raise InvalidValueError(f"there is no key '{printable(unknown[0][:40])}', only {may}")
