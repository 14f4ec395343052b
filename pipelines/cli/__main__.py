"""``python -m pipelines.cli`` is ``degrade``."""

from pipelines.cli import main

main()
