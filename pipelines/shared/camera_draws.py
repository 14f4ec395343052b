"""What a recipe draws of each kernel's camera in a pool, and where it must look further."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from degrade.degradation import Entry, PoolIndex, Recipe
from degrade.degradation.steps import BlurSettings, PhotoSettings
from degrade.errors import InvalidValueError, printable
from degrade.pool.camera_groups import UNKNOWN
from degrade.wording import counted

__all__ = ["CameraDraws", "camera_draws"]

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class CameraDraws:
    """Whose photos a step is drawn from.

    Attributes
    ----------
    step : str
        Its kind.
    cameras : int
        Of the photos of these kernels; those that name none count as one.
    at_setting, of_camera, of_pool : int
        Kernels whose step is drawn from photos at their ISO setting, or one of its class; from all
        of their camera; from all of the pool.
    lacking : tuple of str
        The cameras of the last, by name.
    left : int
        Photos that have what the step draws, and that no kernel's step is drawn from.
    """

    step: str
    cameras: int
    at_setting: int
    of_camera: int
    of_pool: int
    lacking: tuple[str, ...]
    left: int

    def words(self) -> str:
        """Return it in one line for people."""
        parts = [
            f"{self.at_setting} from photos at their ISO setting" * bool(self.at_setting),
            f"{self.of_camera} from all photos of their camera" * bool(self.of_camera),
            f"{self.of_pool} from all of the pool{self._why()}" * bool(self.of_pool),
        ]
        kernels = self.at_setting + self.of_camera + self.of_pool
        drawn = ", ".join(filter(None, parts))
        of = f"of {counted(kernels, 'kernel')} of {counted(self.cameras, 'camera')}"
        left = f"; {counted(self.left, 'other photo')} never" * bool(self.left)
        return f"{self.step}, {of}: {drawn}{left}"

    def _why(self) -> str:
        names = [
            "photos that name no camera" if name == UNKNOWN else printable(name)
            for name in self.lacking[:_MOST_NAMED]
        ]
        more = len(self.lacking) - len(names)
        names += [f"{more} more"] if more else []
        return (
            f" (none is of their camera: {', '.join(names)})"
            if names
            else " (they are of no single photo)"
        )

    def values(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "lacking": list(self.lacking)}


def camera_draws(recipe: Recipe, index: PoolIndex) -> Iterator[CameraDraws]:
    """Yield, for each step that is drawn of the kernel's camera, what a pool has for it.

    Nothing is said of a pool whose photos are all alike: there is nothing to choose.
    """
    kernels = _kernels(recipe, index)
    are_several = len({sets[-1] for sets in index.cameras.values()}) > 1
    for entry in recipe.possible:
        if isinstance(entry.settings, PhotoSettings) and entry.settings.is_of_camera and kernels:
            found = _draws(entry, index, kernels)
            is_plain = not (found.at_setting or found.lacking or found.left)
            if not is_plain or (are_several and found.of_camera):
                yield found


def _kernels(recipe: Recipe, index: PoolIndex) -> list[str]:
    """Return the kernels that may be drawn."""
    found: dict[str, None] = {}
    for entry in recipe.possible:
        if isinstance(entry.settings, BlurSettings):
            try:
                groups = entry.settings.kernels_of(index)
            except InvalidValueError:  # whoever draws says so
                continue
            found |= dict.fromkeys(key for group in groups for key in group)
    return list(found)


def _draws(entry: Entry, index: PoolIndex, kernels: list[str]) -> CameraDraws:
    at_setting = of_camera = 0
    cameras: set[str] = set()
    lacking: set[str] = set()
    drawn: set[str] = set()
    for key in kernels:
        sets = index.cameras.get(index.kernel_sources.get(key, ""), ())
        name = index.camera_set(key, entry.kind, entry.step.photos)
        drawn.add(name)
        cameras |= {*sets[-1:]}
        at_setting += name in sets[:-1]
        of_camera += name in sets[-1:]
        lacking |= {*sets[-1:]} if not name else set()
    of_pool = len(kernels) - at_setting - of_camera
    photos = entry.step.photos(index)
    left = 0 if of_pool else sum(drawn.isdisjoint(index.cameras.get(sha, ())) for sha in photos)
    names = tuple(sorted(lacking))
    return CameraDraws(entry.kind, len(cameras), at_setting, of_camera, of_pool, names, left)
