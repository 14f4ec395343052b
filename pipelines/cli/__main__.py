"""``python -m pipelines.cli`` is ``degrade``."""

from pipelines.cli.start import start

start()
