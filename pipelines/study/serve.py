"""``degrade study serve``: raters open a study in their browsers."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path

from degrade.disk.locks import folder_lock
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.studies import VOTES_NAME, StudyDefinition, Votes, picture_path, read_definition
from degrade.wording import counted
from pipelines.shared.job import Job
from pipelines.shared.reports import RunReport
from pipelines.study.app import make_app, require_starlette
from pipelines.study.connections import patient_protocol
from pipelines.study.guard import Guard
from pipelines.study.pages import Pages, require_jinja

__all__ = ["ServeStudyConfig", "serve_study"]

_LEAST_TOKEN = 16
_MOST_CONNECTIONS = 1000
_LARGEST_HEAD = 16_384
_GRACE_S = 3
_LISTEN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeStudyConfig:
    """The settings of ``degrade study serve``.

    Attributes
    ----------
    study : Path
    host : str
        The address to listen at.
    port : int
        0: one that is free.
    names : tuple of str
        Further names by which browsers call the server, such as that of a proxy.
    token : str
        What the link must have; empty: one is made where others than this machine can connect,
        or there are names, for a proxy lets others connect.
    patience_s : float
        Seconds within which a request's head must have come, and then its body.
    """

    study: Path
    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    token: str = ""
    patience_s: float = 10.0

    def __post_init__(self) -> None:
        is_fit = self.token.isascii() and self.token.replace("-", "").replace("_", "").isalnum()
        if self.token and (len(self.token) < _LEAST_TOKEN or not is_fit):
            raise InvalidValueError(
                f"token must have at least {_LEAST_TOKEN} letters, digits, - or _"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def serve_study(
    config: ServeStudyConfig,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_fault: Callable[[str], None] | None = None,
) -> RunReport:
    """Serve a study until a signal comes.

    Parameters
    ----------
    config : ServeStudyConfig
    on_ready : callable or None
        Called with the address for raters once browsers can connect.
    on_fault : callable or None
        Called with a line on what keeps a vote from being written or an image from being read.

    Raises
    ------
    DegradeError
        There is no study, another server serves it, or the address cannot be listened at.
    """
    require_starlette()
    require_jinja()
    job = Job("study serve", "new vote")
    definition = read_definition(config.study)
    _require_pictures(config.study, definition)
    with folder_lock(config.study), Votes(config.study / VOTES_NAME) as votes:
        before = len(votes.all_votes())
        token = config.token
        if not token and (config.names or not config.is_local):
            token = votes.fact("token", secrets.token_urlsafe(24))
        pages = Pages(config.study, definition, votes)

        def say(error: DegradeError) -> None:
            if on_fault is not None:
                on_fault(str(error))

        hosts = {"localhost", config.host, socket.gethostname(), *config.names}
        app = Guard(make_app(pages, say), hosts=hosts, token=token, patience_s=config.patience_s)
        with job.stoppable(), _listening(config) as listener:
            if on_ready is not None:
                on_ready(_address(config, listener.getsockname()[1], token))
            _run(app, listener, config.patience_s)
        after = votes.all_votes()
        raters = votes.raters()
    job.found(
        "votes",
        f"{counted(len(after), 'vote')} by {counted(len(raters), 'rater')}, of whom "
        f"{sum(rater.answered >= rater.trials for rater in raters)} came to the end",
        votes=len(after),
        raters=len(raters),
    )
    return job.report(len(after) - before)


def _require_pictures(study: Path, definition: StudyDefinition) -> None:
    for image in definition.images:
        for sha256 in (*image.results, image.reference, image.lr, image.decoy):
            if sha256 is not None and not picture_path(study, sha256).is_file():
                raise CorruptDataError(
                    f"{printable(picture_path(study, sha256))} of the image "
                    f"{printable(image.name)} is missing; restore the study from a copy"
                )


def _run(app: Guard, listener: socket.socket, patience_s: float) -> None:
    """Serve until a signal comes.

    The loop is in a thread of its own: what a signal raises, in the main thread, would else be
    raised amid the loop's own steps, where some of them swallow it or tell a traceback.
    """
    import uvicorn

    settings = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",  # others than browsers knock, too
        access_log=False,
        lifespan="off",
        http=patient_protocol(patience_s),
        ws="none",
        loop="asyncio",
        server_header=False,
        # Addresses are those of connections; nothing is believed of what a browser says of itself.
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = uvicorn.Server(settings)
    ended: Future[None] = Future()

    def serve() -> None:
        try:
            server.run(sockets=[listener])
        except BaseException as error:  # told by the main thread
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = threading.Thread(target=serve, name="study serve", daemon=True)
    try:
        thread.start()
        # A signal just before an endless wait would be heard at its end.
        while not wait([ended], timeout=_LISTEN_S).done:
            pass
    finally:
        server.should_exit = True
        wait([ended], timeout=_GRACE_S + 1)
    ended.result()


def _listening(config: ServeStudyConfig) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    DegradeError
        The address is not this machine's, or taken.
    """
    where = f"{printable(config.host)}:{config.port}"
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(found[0], socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DegradeError(f"{where}: {reason}; give another `host`") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise DegradeError(
            f"{where} cannot be listened at ({error.strerror}); give another `host` or `port`"
        ) from None
    return listener


def _address(config: ServeStudyConfig, port: int, token: str) -> str:
    """Return the link for raters; that of a proxy where only one can stand between."""
    query = f"?token={token}" if token else ""
    if config.names and config.is_local:
        return f"https://{config.names[0]}/{query}"
    host = config.names[0] if config.names else config.host
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}/{query}"
