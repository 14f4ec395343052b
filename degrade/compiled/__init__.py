"""Inner loops in C, where there is a compiler; without one everything works, more slowly."""

from degrade.compiled.loading import is_compiled

__all__ = ["is_compiled"]
