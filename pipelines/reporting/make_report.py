"""``degrade report``: a pool, pairs, a training, a study, areas, or what was told, as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import degrade
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import InvalidValueError, line_of, printable
from degrade.wording import byte_text
from pipelines.reporting.artifact_sections import tell_artifacts
from pipelines.reporting.common import Told
from pipelines.reporting.fact_sections import tell_report
from pipelines.reporting.kinds import Kind, kind_of
from pipelines.reporting.pair_sections import tell_pairs
from pipelines.reporting.pool_sections import tell_pool
from pipelines.reporting.study_sections import tell_study
from pipelines.reporting.training_sections import tell_training
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport
from report.page.contents import Page, Section
from report.page.rendering import render_page, require_jinja
from report.sheet import require_matplotlib

__all__ = ["ReportConfig", "make_report"]

_Teller: TypeAlias = Callable[[Path, Job, float], Told]

_TELLERS: Mapping[Kind, _Teller] = {
    "pool": tell_pool,
    "pairs": tell_pairs,
    "training": tell_training,
    "study": tell_study,
    "artifacts": tell_artifacts,
    "report": tell_report,
}
"""By kind, what gathers its page: (path, job, share of the page's room)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConfig:
    """The settings of ``degrade report``.

    Attributes
    ----------
    sources : tuple of Path
        Pools, fingerprints, pairs, trainings, studies, what detect-artifacts has written, and files
        that ``degrade --report`` wrote.
    out : Path
        The page, NAME.html.
    overwrite : bool
        Replace a file that is there, whoever made it.
    """

    sources: tuple[Path, ...]
    out: Path
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.out.suffix.lower() not in (".html", ".htm"):
            raise InvalidValueError(f"out must be named NAME.html, got {printable(self.out)}")
        if not self.sources:
            raise InvalidValueError("sources must name something to tell of")


def make_report(config: ReportConfig, *, on_progress: ProgressCallback | None = None) -> RunReport:
    """Write one page about all sources; an interrupt leaves no page, or the earlier one.

    Parameters
    ----------
    config : ReportConfig
    on_progress : callable or None
        Called with (things looked at, things in all), source by source.

    Returns
    -------
    RunReport
        Counts pages; its rejects are what is damaged, which the page names, too.

    Raises
    ------
    DegradeError
        A source is none of these or cannot be read, Jinja or matplotlib are not installed, or the
        page cannot be written.
    """
    job = Job("report", "page", on_progress)
    results = Results.at(config.out, "report", overwrite=config.overwrite)
    require_jinja()
    require_matplotlib()
    kinds = [kind_of(path) for path in config.sources]
    share = 1 / len(config.sources)
    told = [
        _TELLERS[kind](path, job, share) for kind, path in zip(kinds, config.sources, strict=True)
    ]
    page = _page(config.sources, kinds, told).encode()
    make_folder(config.out.parent)
    results.write(config.out, page)
    words = f"{printable(config.out)}: {byte_text(len(page))}, nothing else is needed to read it"
    job.found("page", words, path=str(config.out), bytes=len(page))
    return job.report(1)


def _page(sources: tuple[Path, ...], kinds: list[Kind], told: list[Told]) -> str:
    several = len(sources) > 1
    lines: list[str] = []
    sections: list[Section] = []
    for path, each in zip(sources, told, strict=True):
        name = f"{line_of(path.resolve().name)}: " if several else ""
        lines += each.lines
        sections += [replace(s, title=f"{name}{s.title}") for s in each.sections]
    title = ", ".join(
        f"{kind}: {line_of(path.resolve().name)}" for kind, path in zip(kinds, sources, strict=True)
    )
    made_by = f"Made by degrade {degrade.__version__}."
    return render_page(Page(title[:1].upper() + title[1:], tuple(lines), tuple(sections), made_by))
