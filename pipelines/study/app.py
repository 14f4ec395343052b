"""The pages of a study as a web application."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from degrade.errors import DegradeError, MissingDependencyError
from pipelines.study.guard import App, cookies_of
from pipelines.study.pages import Asked, Pages, Reply, failed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["make_app", "require_starlette"]

_JSON = ("/trial", "/vote")


def require_starlette() -> None:
    """Raise MissingDependencyError unless what serves pages is installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "serving a study needs starlette and uvicorn: pip install 'degrade[study]'"
        ) from None


def make_app(pages: Pages, on_fault: Callable[[DegradeError], None]) -> App:
    """Return the application; what its guard does is not in it.

    Parameters
    ----------
    pages : Pages
    on_fault : callable
        Told of what keeps the study from being read or written; the rater is told less.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response
    from starlette.routing import Route

    def route(path: str, method: str, answer: Callable[[Request, Asked], Reply]) -> Route:
        async def endpoint(request: Request) -> Response:
            asked = Asked(
                cookies=cookies_of(request.headers.raw),
                csrf=request.headers.get("x-csrf", ""),
                body=await request.body(),
            )
            try:
                reply = await run_in_threadpool(answer, request, asked)
            except DegradeError as error:
                on_fault(error)
                reply = failed(error, as_json=path.startswith(_JSON))
            response = Response(reply.body, reply.status, media_type=None)
            response.headers["content-type"] = reply.media_type
            response.headers.update(reply.headers)
            return response

        return Route(path, endpoint, methods=[method])

    async def nothing(_request: Request) -> Response:
        return Response(status_code=204)

    return Starlette(
        routes=[
            route("/", "GET", lambda _, asked: pages.home(asked)),
            route("/begin", "POST", lambda _, asked: pages.begin(asked)),
            route("/trial", "GET", lambda _, asked: pages.trial(asked, None)),
            route(
                "/trial/{number:int}",
                "GET",
                lambda request, asked: pages.trial(asked, request.path_params["number"]),
            ),
            route("/vote", "POST", lambda _, asked: pages.vote(asked)),
            route(
                "/image/{name}",
                "GET",
                lambda request, asked: pages.image(asked, request.path_params["name"]),
            ),
            route(
                "/resume/{secret}",
                "GET",
                lambda request, asked: pages.resume(asked, request.path_params["secret"]),
            ),
            route(
                "/example/{name}",
                "GET",
                lambda request, _: pages.example(request.path_params["name"]),
            ),
            route(
                "/files/{name}", "GET", lambda request, _: pages.file(request.path_params["name"])
            ),
            Route("/favicon.ico", nothing),
        ]
    )
