"""What a user decides for ``degrade evaluate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale
from degrade.limits import MAX_PIXELS

__all__ = ["EvaluateConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """The settings of ``degrade evaluate``.

    Attributes
    ----------
    hr : Path
        HR images: a folder, a manifest or a file; or a folder of pairs, for ``weights``.
    sr : tuple of Path
        Results: one of the same for each method.
    weights : tuple of Path
        Generators that enlarge LR; bicubic interpolation stands beside them.
    lr : Path or None
        LR images, where ``hr`` is no folder of pairs.
    scale : Scale or None
        Of ``lr``, whose sides may then be rounded; None: what most of the images have.
    lr_name : str or None
        How the images of ``lr`` are called; see :class:`pipelines.pairs.lr_names.LrName`.
    border : int or None
        Pixels that are left out along each edge; None: the scale as pairs or names state it, else
        4.
    sr_name : str or None
        How results are called; see :class:`pipelines.pairs.lr_names.LrName`. None: as import-pairs
        pairs names, or by one ending that all of them have.
    niqe_from : tuple of Path
        Clean photos that NIQE is fitted to; without them there is none.
    lpips, dists : tuple of Path
        Files with the weights of these measures; see :mod:`esrgan.perceptual`.
    pyiqa : tuple of str
        Measures of the package pyiqa, where that is installed, by its names.
    csv, sheet : Path or None
        Where the figures of each image are written, and the worst images drawn.
    overwrite : bool
        Replace files that no earlier run has made.
    device : str
        Where networks compute: a torch device, or "auto".
    max_pixels : int
        Larger images are rejected before they are decoded.
    """

    hr: Path
    sr: tuple[Path, ...] = ()
    weights: tuple[Path, ...] = ()
    lr: Path | None = None
    scale: Scale | None = None
    lr_name: str | None = None
    border: int | None = None
    sr_name: str | None = None
    niqe_from: tuple[Path, ...] = ()
    lpips: tuple[Path, ...] = ()
    dists: tuple[Path, ...] = ()
    pyiqa: tuple[str, ...] = ()
    csv: Path | None = None
    sheet: Path | None = None
    overwrite: bool = False
    device: str = "auto"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if bool(self.sr) == bool(self.weights):
            raise InvalidValueError(
                "give results, `sr=DIR`, or a model and pairs, `weights=FILE`: one of both"
            )
        if self.border is not None and self.border < 0:
            raise InvalidValueError(f"border must be at least 0, got {self.border}")
        if self.lr is not None and not self.weights:
            raise InvalidValueError("`lr` is for a model: add `weights`")
        if self.lr is None and (self.scale is not None or self.lr_name is not None):
            raise InvalidValueError("`scale` and `lr_name` are of LR images: add `lr`")
        if self.scale is not None:
            object.__setattr__(self, "scale", as_scale(self.scale))
