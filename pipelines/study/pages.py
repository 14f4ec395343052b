"""What a rater's browser is shown and told, and what it may send; without any web framework."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from degrade.disk.structs import ready
from degrade.errors import DegradeError, MissingDependencyError
from degrade.opinions import NOTHING, Trial, plan_trials
from degrade.studies import Rater, StudyDefinition, VoteRefusedError, Votes, read_picture
from pipelines.study.guard import cookie_header, field_of, keyed

__all__ = ["MOST_RATERS", "RATER_COOKIE", "Asked", "Pages", "Reply", "failed", "require_jinja"]

RATER_COOKIE = "study_rater"
"""How the names of cookies begin by which raters go on; each study has one of its own."""
MOST_RATERS = 10_000

_SECRET = re.compile(r"[A-Za-z0-9_-]{32,64}")
_KNOWN_RATERS = 256
"""Raters whose image names are kept in memory."""

_FILES = {
    "study.js": "text/javascript; charset=utf-8",
    "study.css": "text/css; charset=utf-8",
}
_SCORES = ("Bad", "Poor", "Fair", "Good", "Excellent")


class _Ballot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser sends."""

    trial: Annotated[int, msgspec.Meta(ge=1, le=10**7)]
    answers: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=5)]], msgspec.Meta(max_length=20)]
    key: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{8,64}$")]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=10**6)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as pages look at it."""

    cookies: Mapping[str, str] = field(default_factory=dict)
    csrf: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes
    media_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def require_jinja() -> None:
    """Raise MissingDependencyError unless Jinja is installed."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingDependencyError("a study needs jinja2: pip install 'degrade[study]'") from None


class Pages:
    """The pages of a study.

    Nothing that a browser sends becomes a path: images have names that are made anew for each
    rater and trial, by a key that never leaves the server.

    Parameters
    ----------
    study : Path
    definition : StudyDefinition
    votes : Votes
    """

    def __init__(self, study: Path, definition: StudyDefinition, votes: Votes) -> None:
        self._study, self._definition, self._votes = study, definition, votes
        self._key = votes.fact("key", secrets.token_hex(32))
        # Cookies are the same at all ports of a host: another study's has another name.
        self._cookie = f"{RATER_COOKIE}_{keyed(self._key, 'name')[:8]}"
        self._names: OrderedDict[int, dict[str, str]] = OrderedDict()
        self._lock = threading.Lock()
        self._template = _templates()
        self._examples = _examples(definition)

    def home(self, asked: Asked) -> Reply:
        """Return the page that a rater is at: the welcome, the images, or the thanks."""
        secret = self._secret(asked)
        headers = {"cache-control": "no-store"}
        if not secret:
            secret = secrets.token_urlsafe(32)
            headers["set-cookie"] = cookie_header(self._cookie, secret)
        rater = self._votes.rater(secret)
        name = "welcome.html" if rater is None else "judge.html"
        page = self._template(
            name,
            kind=self._definition.kind,
            questions=self._definition.questions,
            shows_reference=self._definition.shows_reference,
            shows_lr=self._definition.images[0].lr is not None,
            scores=_SCORES,
            examples=[
                (name, f"{score}, {_SCORES[score - 1].lower()}")
                for name, score, _ in self._examples
            ],
            csrf=self._csrf(secret),
            total=len(plan_trials(self._definition.design, 0)) if rater is None else rater.trials,
            link="" if rater is None else f"/resume/{secret}",
        )
        return Reply(200, page.encode(), headers=headers)

    def begin(self, asked: Asked) -> Reply:
        """Make a rater of whoever has read the welcome."""
        secret = self._secret(asked)
        if not secret or not self._is_csrf(secret, field_of(asked.body, "csrf")):
            return _refused(403, "Open the first page again: this one was too old.")
        design = self._definition.design
        try:
            self._votes.begin(secret, lambda number: plan_trials(design, number), most=MOST_RATERS)
        except VoteRefusedError as error:
            return _refused(409, f"Sorry: {error}.")
        return Reply(303, b"", headers={"location": "/", "cache-control": "no-store"})

    def resume(self, asked: Asked, secret: str) -> Reply:
        """Let a rater go on in another browser, by the link that is theirs."""
        if not _SECRET.fullmatch(secret) or self._votes.rater(secret) is None:
            return _refused(404, "There is no such link.")
        cookie = cookie_header(self._cookie, secret)
        headers = {"location": "/", "set-cookie": cookie, "cache-control": "no-store"}
        return Reply(303, b"", headers=headers)

    def trial(self, asked: Asked, number: int | None) -> Reply:
        """Tell of a trial what the browser shows; None: of the first that has no answer."""
        rater = self._rater(asked)
        if rater is None:
            return _refused(401, "Begin on the first page.", as_json=True)
        return self._told(rater, rater.answered + 1 if number is None else number)

    def vote(self, asked: Asked) -> Reply:
        """Keep a vote, and tell of the next trial."""
        secret, rater = self._secret(asked), self._rater(asked)
        if rater is None:
            return _refused(401, "Begin on the first page.", as_json=True)
        if not self._is_csrf(secret, asked.csrf):
            return _refused(403, "Load the page again: it was too old.", as_json=True)
        try:
            ballot = msgspec.json.decode(asked.body, type=ready(_Ballot))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _refused(400, "This is no vote.", as_json=True)
        known = range(1, 6) if self._definition.kind == "mos" else range(3)
        fits = len(ballot.answers) == len(self._definition.questions)
        if not fits or any(answer not in known for answer in ballot.answers):
            return _refused(400, "This is no answer to what was asked.", as_json=True)
        try:
            rater = self._votes.vote(
                rater.number,
                ballot.trial,
                dict(enumerate(ballot.answers)),
                key=ballot.key,
                seconds=ballot.seconds,
            )
        except VoteRefusedError as error:
            return _refused(409, f"{error}.", as_json=True)
        return self._told(rater, ballot.trial + 1)

    def image(self, asked: Asked, name: str) -> Reply:
        """Return the picture that has a name for this rater."""
        rater = self._rater(asked)
        sha256 = None if rater is None else self._names_of(rater).get(name)
        if sha256 is None:
            return _refused(404, "There is no such image.")
        headers = {"cache-control": "private, max-age=86400, immutable"}
        return Reply(200, read_picture(self._study, sha256), "image/png", headers)

    def example(self, name: str) -> Reply:
        """Return a picture that shows what a score means."""
        for known, _, sha256 in self._examples:
            if name == known:
                headers = {"cache-control": "private, max-age=86400"}
                return Reply(200, read_picture(self._study, sha256), "image/png", headers)
        return _refused(404, "There is no such image.")

    def file(self, name: str) -> Reply:
        """Return the script or the styles."""
        if name not in _FILES:
            return _refused(404, "There is no such page.")
        headers = {"cache-control": "no-cache"}
        return Reply(200, _part(name).encode(), _FILES[name], headers)

    def _secret(self, asked: Asked) -> str:
        secret = asked.cookies.get(self._cookie, "")
        return secret if _SECRET.fullmatch(secret) else ""

    def _rater(self, asked: Asked) -> Rater | None:
        secret = self._secret(asked)
        return self._votes.rater(secret) if secret else None

    def _csrf(self, secret: str) -> str:
        return keyed(self._key, "csrf", secret)

    def _is_csrf(self, secret: str, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._csrf(secret).encode())

    def _told(self, rater: Rater, number: int) -> Reply:
        ends = {"total": rater.trials, "answered": rater.answered}
        if number > rater.trials and rater.answered >= rater.trials:
            return _json({"number": number, "done": True, **ends})
        is_near = 1 <= number <= rater.answered + 1
        trial = self._votes.trial(rater.number, number) if is_near else None
        if trial is None:
            return _refused(404, "There is no such image yet.", as_json=True)
        after = self._votes.trial(rater.number, number + 1)
        slots = [
            {"label": label, "address": self._address(rater, number, slot)}
            for slot, (label, _) in enumerate(self._slots(trial))
        ]
        image = self._definition.images[trial.image]
        ahead = [] if after is None else range(len(self._slots(after)))
        answers = self._votes.answers(rater.number, number)
        return _json(
            {
                "number": number,
                "done": False,
                **ends,
                "width": image.width,
                "height": image.height,
                "slots": slots,
                "answers": [answers.get(n) for n in range(len(self._definition.questions))],
                "ahead": [self._address(rater, number + 1, slot) for slot in ahead],
            }
        )

    def _slots(self, trial: Trial) -> list[tuple[str, str]]:
        """Return what a trial shows: labels, and the hashes of pictures; what is judged first."""
        known = self._definition
        judged = [trial.first] if trial.second == NOTHING else [trial.first, trial.second]
        labels = ["Image"] if len(judged) == 1 else ["A", "B"]
        slots = [
            (label, known.picture(trial.image, method))
            for label, method in zip(labels, judged, strict=True)
        ]
        image = known.images[trial.image]
        if known.shows_reference and image.reference is not None:
            slots.append(("Reference", image.reference))
        if image.lr is not None:
            slots.append(("Input", image.lr))
        return slots

    def _address(self, rater: Rater, number: int, slot: int) -> str:
        return f"/image/{self._name(rater, number, slot)}"

    def _name(self, rater: Rater, number: int, slot: int) -> str:
        return keyed(self._key, "image", str(rater.number), str(number), str(slot))

    def _names_of(self, rater: Rater) -> dict[str, str]:
        """Return the pictures of a rater's trials by the names that they have for that rater."""
        with self._lock:
            if rater.number in self._names:
                self._names.move_to_end(rater.number)
                return self._names[rater.number]
        made = {
            self._name(rater, number, slot): sha256
            for number, trial in enumerate(self._votes.trials(rater.number), 1)
            for slot, (_, sha256) in enumerate(self._slots(trial))
        }
        with self._lock:
            self._names[rater.number] = made
            while len(self._names) > _KNOWN_RATERS:
                self._names.popitem(last=False)
        return made


def _examples(definition: StudyDefinition) -> list[tuple[str, int, str]]:
    """Return what calibrates raters of scores, as in SRGAN's study: name, score, hash."""
    image = next((image for image in definition.images if image.decoy is not None), None)
    if definition.kind != "mos" or image is None or image.decoy is None:
        return []
    worst = [("worst", 1, image.decoy)]
    return worst if image.reference is None else [*worst, ("best", 5, image.reference)]


def _json(values: Mapping[str, Any], status: int = 200) -> Reply:
    headers = {"cache-control": "no-store"}
    return Reply(status, json.dumps(values).encode(), "application/json", headers)


def _refused(status: int, words: str, *, as_json: bool = False) -> Reply:
    words = words[:1].upper() + words[1:]
    if as_json:
        return _json({"error": words}, status)
    headers = {"cache-control": "no-store"}
    return Reply(status, f"{words}\n".encode(), "text/plain; charset=utf-8", headers)


def failed(error: DegradeError, *, as_json: bool) -> Reply:
    """Return what a rater is told when the study itself cannot be read or written."""
    words = "This study has a fault, and what you did last was not kept. Try again in a while."
    return _refused(503, words, as_json=as_json)


def _part(name: str) -> str:
    return files("pipelines.study").joinpath("templates", name).read_text(encoding="utf-8")


def _templates() -> Callable[..., str]:
    require_jinja()
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_part), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return lambda name, **values: environment.get_template(name).render(**values)
