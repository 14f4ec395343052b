"""The command line: parse, call one pipeline function, say how it ended.

Nothing is loaded with this package: until :mod:`pipelines.cli.start` listens for signals, each
import is a moment in which Ctrl-C would end in a traceback.
"""

TYPE_CHECKING = False  # what typing has, without loading it
if TYPE_CHECKING:
    from pipelines.cli.commands import main as main

__all__ = ["main"]


def __getattr__(name: str) -> object:
    if name != "main":
        raise AttributeError(f"module 'pipelines.cli' has no attribute {name!r}")
    from pipelines.cli.commands import main

    return main
