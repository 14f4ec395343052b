"""Processes that begin at once: forks of one that has imported what training needs."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

__all__ = ["fork_server", "start_process"]

_SLOW_IMPORTS = ["pipelines.training.train", "torch._dynamo"]


def fork_server() -> ForkServerContext:
    """Return the context whose processes are such forks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_SLOW_IMPORTS)
    return context


def start_process(
    function: Callable[..., int | None], *arguments: Any, environment: dict[str, str] | None = None
) -> ForkServerProcess:
    """Call a module's function in a process and session of its own, which exits with the result.

    Torch computes with one thread there.
    """
    process = fork_server().Process(target=_run, args=(function, arguments, environment or {}))
    process.start()
    return process


def _run(
    function: Callable[..., int | None], arguments: tuple[Any, ...], environment: dict[str, str]
) -> None:
    import torch

    # Processes that the function starts are what they would be anywhere else.
    multiprocessing.set_start_method("fork", force=True)
    os.setsid()
    os.environ.update(environment)
    torch.set_num_threads(1)
    try:
        code = function(*arguments) or 0
    except BaseException:
        traceback.print_exc()
        code = 99
    os._exit(code)
