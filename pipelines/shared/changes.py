"""What has changed between the settings of a run and those it is resumed with, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["changes_between", "describe_changes"]


def changes_between(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    names: Iterable[str] | None = None,
    words: Mapping[str, str] | None = None,
    show: Callable[[str, Any], str] | None = None,
) -> dict[str, tuple[str, str]]:
    """Return what differs: before and after, by what people call it.

    Parameters
    ----------
    then, now : mapping of str to JSON values
    names : iterable of str or None
        The settings to compare, in the order to name them; None: all of both, sorted.
    words : mapping of str to str or None
        What people call a setting where that is not its name, which stands in backquotes.
    show : callable or None
        Gives a setting's value as text, from its name and value; None: ``str``.

    Returns
    -------
    dict of str to (str, str)
        Ready for :class:`degrade.errors.ChangedConfigError`. A setting that one side lacks is
        None there.
    """
    compared = sorted(then.keys() | now.keys()) if names is None else names
    called = words or {}
    shown = show or (lambda _name, value: str(value))
    return {
        called.get(name, f"`{name}`"): (shown(name, then.get(name)), shown(name, now.get(name)))
        for name in compared
        if then.get(name) != now.get(name)
    }


def describe_changes(changes: Mapping[str, tuple[str, str]], unshown: Iterable[str] = ()) -> str:
    """Return the changes in one line.

    Parameters
    ----------
    changes : mapping
        Of :func:`changes_between`.
    unshown : iterable of str
        Those whose values say nothing to people, such as hashes.
    """
    return ", ".join(
        f"other {name}" if name.strip("`") in unshown else f"{name}: {before} -> {after}"
        for name, (before, after) in changes.items()
    )
