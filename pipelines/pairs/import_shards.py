"""One shard of imported pairs: the unit of work of ``import-pairs``, run by any executor."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from degrade.degradation import Pair
from degrade.errors import DegradeError, InputError
from degrade.images.sources import Reject
from degrade.pairs import Place, ShardSpec, create_shard
from pipelines.pairs.matched_images import MatchedImages
from pipelines.pairs.shard_runs import ShardReceipt, ensure_shard
from pipelines.shared.photo_scan import fails_again, read_scanned

__all__ = ["ImportTask", "import_shard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTask:
    """Everything that a worker needs to make one shard; picklable."""

    place: Place
    spec: ShardSpec
    pairs: tuple[MatchedImages, ...]
    max_pixels: int

    def input_paths(self) -> dict[str, str]:
        """Return the images' paths by their content."""
        images = (image for pair in self.pairs for image in (pair.hr, pair.lr))
        return {image.sha256: str(image.path) for image in images}


def import_shard(task: ImportTask) -> ShardReceipt:
    """Make and commit one shard.

    An image that cannot be decoded is recorded there and the rest goes on. A disk that fails is
    tried once more.

    Raises
    ------
    DegradeError
        The shard cannot be written, or an image is no longer what it was when the run began;
        nothing is committed.
    """
    return ensure_shard(task, _make_shard)


def _make_shard(task: ImportTask) -> ShardReceipt:
    rejects: list[Reject] = []
    notes: Counter[str] = Counter()
    count = 0
    with create_shard(task.place, task.spec) as shard:
        for pair in task.pairs:
            try:
                # Both first: a pair is written whole or not at all.
                lr, hr = (
                    read_scanned(image.path, image.sha256, max_pixels=task.max_pixels)
                    for image in (pair.lr, pair.hr)
                )
            except InputError as error:
                rejects.append(_reject(pair, error, task.max_pixels))
                continue
            notes.update([*lr.notes, *hr.notes])
            (high, wide), (low, narrow) = pair.cut(task.spec.scale)
            hr_u8, lr_u8 = hr.as_u8()[:high, :wide], lr.as_u8()[:low, :narrow]
            shard.add(Pair(key=pair.key, lr_u8=lr_u8, hr_u8=hr_u8, plan=None))
            count += 1
        shard.commit(sources=[pair.as_source() for pair in task.pairs], rejects=rejects)
    return ShardReceipt(task.spec.index, count, photo_notes=notes)


def _reject(pair: MatchedImages, error: InputError, max_pixels: int) -> Reject:
    """Name the image by its content: where it lies must not change the shard's bytes."""
    image = pair.hr if error.path == str(pair.hr.path) else pair.lr
    if not fails_again(image.path, image.sha256, max_pixels=max_pixels):
        # It may come back; a committed shard would do without it for good.
        raise DegradeError(str(error)) from error
    return Reject(image.sha256, error.reason, error.remedy)
