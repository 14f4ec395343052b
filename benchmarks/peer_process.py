"""Run a script of another project as it is, on libraries newer than it, perhaps without a GPU.

    python peer_process.py SCRIPT [ARGUMENT …]
    python peer_process.py basicsr FOLDER GT.lmdb LQ.lmdb SAMPLES

Runs in the interpreter that :mod:`benchmarks.peers` is told, so it needs nothing of this project.
What libraries did when those scripts were written is put back: ``yaml.load`` without a loader,
NumPy's old names of types, and without a GPU ``cuda()`` leaves everything where it is. The second
form reads crops by BasicSR's own dataset, and prints its samples a second of CPU time.
"""

from __future__ import annotations

import random
import runpy
import sys
import time
import types
from pathlib import Path

import numpy as np
import torch


def _put_back() -> None:
    """Restore what the scripts take for granted."""
    torch.set_num_threads(1)
    for name, known in (("float", float), ("int", int), ("bool", bool)):
        if name not in np.__dict__:
            setattr(np, name, known)
    if not torch.cuda.is_available():
        for owner in (torch.Tensor, torch.nn.Module):
            owner.cuda = lambda self, *_, **__: self  # type: ignore[assignment,method-assign]
        torch.cuda.set_device = lambda _: None
    try:
        import yaml
    except ImportError:
        return
    load = yaml.load
    yaml.load = lambda stream, Loader=yaml.SafeLoader: load(stream, Loader)


def _read_basicsr(folder: str, gt: str, lq: str, samples: int) -> None:
    """Print how many samples a second BasicSR's dataset reads."""
    sys.path.insert(0, folder)
    version = types.ModuleType("basicsr.version")  # made only when it is installed
    version.__version__, version.__gitsha__ = "0", "0"  # type: ignore[attr-defined]
    sys.modules[version.__name__] = version
    from basicsr.data.paired_image_dataset import PairedImageDataset

    dataset = PairedImageDataset(
        {
            "phase": "train",
            "scale": 4,
            "gt_size": 128,
            "use_hflip": True,
            "use_rot": True,
            "dataroot_gt": gt,
            "dataroot_lq": lq,
            "io_backend": {"type": "lmdb"},
        }
    )
    random.seed(0)
    for index in range(len(dataset)):  # opens the files, and has the system read them
        dataset[index]
    start = time.process_time()
    for _ in range(samples):
        dataset[random.randrange(len(dataset))]
    print(samples / (time.process_time() - start))


def main() -> None:
    """Run what the arguments say."""
    import cv2

    cv2.setNumThreads(1)
    _put_back()
    if sys.argv[1] == "basicsr":
        _read_basicsr(*sys.argv[2:5], int(sys.argv[5]))
        return
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
