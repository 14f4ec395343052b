"""The numeric tests once more, as on other processors: ``python -m tests.processors --help``.

The libraries that compute here choose their kernels by the processor. Environment variables hold
them back, so one machine can show what others give. What a setting leaves as it is, because this
processor or library has no such kernel, is skipped with a word.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
from numpy._core import _multiarray_umath as numpy_core

ROOT = Path(__file__).parents[1]

NUMERIC = (
    *(
        f"tests/degrade/{name}"
        for name in ("compiled", "degradation", "jpeg", "kernels", "metrics", "noise", "spectral")
    ),
    *(f"tests/degrade/test_{name}.py" for name in ("luma", "resample")),
    "tests/golden",
    "tests/kernelgan",
    "tests/spectral_training",
    "tests/esrgan",
    *(f"tests/pipelines/{name}" for name in ("measuring", "models", "training", "upscaling")),
    "tests/benchmarks",
)
"""What computes with floats, or makes bytes of them."""

OF_COMPILED = (
    *(f"tests/degrade/{name}" for name in ("compiled", "degradation", "jpeg", "noise", "spectral")),
    "tests/degrade/images/decoding",
    "tests/golden",
)
"""What calls compiled code."""


def _of_numpy(*, avx2: bool) -> str:
    """Return the features for which this NumPy has kernels of their own, AVX2 left on or not."""
    names: list[str] = list(numpy_core.__cpu_dispatch__)
    kept = ("AVX2", "FMA3", "X86_V3") if avx2 else ()
    return " ".join(name for name in names if name not in kept)


def _of_opencv(*, avx2: bool) -> str:
    """Return OpenCV's features that are not of its baseline; those are marked with a star."""
    names = [name.strip("*?") for name in cv2.getCPUFeaturesLine().split() if name[0] == "*"]
    return ",".join(name for name in names if not avx2 or name.startswith("AVX512"))


SETTINGS: dict[str, dict[str, str]] = {
    "openblas-haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "openblas-zen": {"OPENBLAS_CORETYPE": "Zen"},
    "openblas-skylakex": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "numpy-avx2": {"NPY_DISABLE_CPU_FEATURES": _of_numpy(avx2=True)},
    "numpy-baseline": {"NPY_DISABLE_CPU_FEATURES": _of_numpy(avx2=False)},
    "torch-avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "torch-default": {"ATEN_CPU_CAPABILITY": "default"},
    "onednn-avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "onednn-sse41": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "mkl-avx2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "mkl-compatible": {"MKL_CBWR": "COMPATIBLE"},
    "opencv-avx2": {"OPENCV_CPU_DISABLE": _of_opencv(avx2=True)},
    "opencv-baseline": {"OPENCV_CPU_DISABLE": _of_opencv(avx2=False)},
    "compiled-avx2": {"DEGRADE_COMPILED": "avx2"},
    "compiled-plain": {"DEGRADE_COMPILED": "plain"},
    "not-compiled": {"DEGRADE_COMPILED": "0"},
}
TESTS = {"compiled-plain": OF_COMPILED}
"""Settings that change so little that not all numeric tests can tell."""
SETTINGS["avx2"] = {
    name: value
    for setting in ("openblas-zen", *(s for s in SETTINGS if s.endswith("-avx2")))
    for name, value in SETTINGS[setting].items()
}
SETTINGS["oldest"] = {
    "DEGRADE_COMPILED": "0",
    "OPENBLAS_CORETYPE": "Nehalem",
    **SETTINGS["numpy-baseline"],
    **SETTINGS["torch-default"],
    **SETTINGS["onednn-sse41"],
    **SETTINGS["mkl-compatible"],
    **SETTINGS["opencv-baseline"],
}

_LOOK = """
from degrade.compiled.loading import compiled_form
print("compiled code:", compiled_form())
import cv2, numpy, threadpoolctl, torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
pools = threadpoolctl.threadpool_info()
print("NumPy:", *(name for name in __cpu_dispatch__ if __cpu_features__[name]))
print("OpenBLAS:", *sorted({pool["architecture"] for pool in pools if "architecture" in pool}))
print("OpenCV:", cv2.getCPUFeaturesLine())
print("torch:", torch.backends.cpu.get_cpu_capability())
numpy.random.rand(64, 64) @ numpy.random.rand(64, 64)
torch.rand(8, 8) @ torch.rand(8, 8)
torch.nn.functional.conv2d(torch.rand(1, 32, 64, 64), torch.rand(32, 32, 3, 3))
"""
_ABOUT = (
    "compiled code: ",
    "NumPy:",
    "OpenBLAS: ",
    "OpenCV: ",
    "torch: ",
    "onednn_verbose,v1,info,cpu,isa:",
    "MKL_VERBOSE oneMKL ",
)


def look(setting: dict[str, str]) -> list[str] | None:
    """Return what the libraries say that they use; None where this processor cannot run it."""
    child = subprocess.run(
        [sys.executable, "-c", _LOOK],
        env=os.environ | {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"} | setting,
        capture_output=True,
        text=True,
    )
    if child.returncode < 0:
        return None
    child.check_returncode()
    return [line for line in child.stdout.splitlines() if line.startswith(_ABOUT)]


def run(name: str, usual: list[str] | None) -> str:
    """Run the numeric tests under a setting; return how that ended in a few words."""
    setting = SETTINGS[name]
    found = look(setting)
    if found is None:
        return "skipped: this processor cannot run it"
    changed = [line for line in found if line not in (usual or [])]
    if not changed:
        return "skipped: it changes nothing here"
    lines = [f"== {name}", *(f"{key}={value}" for key, value in setting.items()), *changed]
    sys.stdout.write("\n   ".join(lines) + "\n")
    sys.stdout.flush()
    started = time.monotonic()
    tests = TESTS.get(name, NUMERIC)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", *tests]
    code = subprocess.run(command, cwd=ROOT, env=os.environ | setting).returncode
    return f"{'FAILED' if code else 'passed'} after {time.monotonic() - started:.0f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.processors", description=__doc__)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=", ".join(SETTINGS))
    chosen = parser.parse_args(arguments).settings or list(SETTINGS)
    if unknown := [name for name in chosen if name not in SETTINGS]:
        parser.error(f"no setting {unknown[0]!r}; known are {', '.join(SETTINGS)}")
    usual = look({})
    outcomes = {name: run(name, usual) for name in chosen}
    for name, outcome in outcomes.items():
        sys.stdout.write(f"{name:18} {outcome}\n")
    return int(any(outcome.startswith("FAILED") for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
