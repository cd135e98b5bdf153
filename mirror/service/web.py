"""Web: what is served on `service.listen`; thin, every answer is made by a function of values.

Nothing here needs the internet, so it works in the hour that the mirror exists for. The status page and the
metrics are open to whoever reaches the address; hooks need the configured secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from flask import Flask, Response, abort, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from mirror.service import showing, triggers
from mirror.service.metrics import Metrics
from mirror.service.showing import Page, Query
from mirror.service.standing import Standing
from mirror.service.triggers import NotAHook, Trigger
from mirror.service.verdict import clock_time, verdict

# A registry sends up to a hundred events at once, about 1 KiB each.
_MAX_BODY = 1 << 20
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PARSERS: dict[str, Callable[[object], list[Trigger]]] = {
    "registry": triggers.from_registry,
    "gitlab": triggers.from_gitlab,
    "ci": triggers.from_ci,
}


class Service(Protocol):
    """What the web server needs of the daemon."""

    @property
    def metrics(self) -> Metrics:
        """What /metrics shows."""

    @property
    def hook_secret(self) -> str:
        """The secret of the hooks; empty: they are closed."""

    def standing(self) -> Standing:
        """How everything is now."""

    def find(self, query: Query) -> Page:
        """The tags that match."""

    def why_dead(self) -> str:
        """Why the process should be started anew; empty while it lives."""

    def why_not_ready(self) -> str:
        """What is missing before it can be of use; empty when nothing is."""

    def take(self, taken: Iterable[Trigger]) -> int:
        """Hasten what the triggers concern; how many mirrors that is."""


def create_app(service: Service) -> Flask:
    """The WSGI application."""
    app = Flask("mirror.service")
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    app.jinja_env.globals.update(
        duration=showing.duration, size=showing.size, short=showing.short_digest, clock_time=clock_time
    )
    _serve_probes(app, service)
    _serve_status(app, service)
    _serve_hooks(app, service)
    app.after_request(_with_headers)
    app.register_error_handler(HTTPException, _in_words)
    return app


def _serve_probes(app: Flask, service: Service) -> None:
    @app.get("/healthz")
    def health() -> Response:
        return _probe(service.why_dead())

    @app.get("/readyz")
    def ready() -> Response:
        return _probe(service.why_dead() or service.why_not_ready())

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(service.metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _serve_status(app: Flask, service: Service) -> None:
    @app.get("/")
    def page() -> str:
        standing = service.standing()
        found = service.find(_query())
        return render_template(
            "status.html", standing=standing, verdict=verdict(standing), found=found, query=found.query
        )

    @app.get("/api/v1/status")
    def status() -> Response:
        return jsonify(showing.as_json(service.standing()))

    @app.get("/api/v1/tags")
    def tags() -> Response:
        found = service.find(_query())
        listed = [showing.tag_json(record) for record in found.records]
        return jsonify({"tags": listed, "total": found.total, "page": found.query.page, "pages": found.pages})


def _serve_hooks(app: Flask, service: Service) -> None:
    @app.post("/hooks/<kind>")
    def hook(kind: str) -> tuple[Response, int]:
        parse = _PARSERS.get(kind) or abort(404)
        header, authorization = request.headers.get("X-Gitlab-Token"), request.headers.get("Authorization")
        if not service.hook_secret:
            abort(403, "hooks are closed: no service.hook_secret_file is configured")
        if not triggers.is_authentic(service.hook_secret, header, authorization):
            abort(401, "send the configured secret as X-Gitlab-Token or as a bearer token")
        try:
            taken = parse(request.get_json(force=True))
        except NotAHook as error:
            abort(400, str(error))
        return jsonify({"triggers": len(taken), "mirrors": service.take(taken)}), 202


def _query() -> Query:
    given = request.args
    page = given.get("page", 1, type=int)
    return Query(given.get("q", "")[:200], given.get("state", ""), given.get("mirror", ""), max(1, page))


def _probe(trouble: str) -> Response:
    return Response(f"{trouble or 'ok'}\n", status=503 if trouble else 200, content_type="text/plain")


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _in_words(error: HTTPException) -> Response:
    return Response(f"{error.description}\n", status=error.code, content_type="text/plain; charset=utf-8")
