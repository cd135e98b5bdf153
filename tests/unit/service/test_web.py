"""What the service answers over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from mirror.service.standing import Registry
from mirror.service.triggers import Trigger
from mirror.service.web import create_app
from tests.unit.service.fake_service import Still
from tests.unit.service.standings import OUTAGE, record


@pytest.fixture
def service() -> Still:
    return Still()


@pytest.fixture
def client(service: Still) -> FlaskClient:
    return create_app(service).test_client()


def test_health_is_ok_until_a_loop_has_died(client: FlaskClient, service: Still) -> None:
    assert client.get("/healthz").status_code == 200
    service.dead = "the loop of shop has died"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (503, "the loop of shop has died\n")
    assert client.get("/readyz").status_code == 503


def test_readiness_says_what_is_missing(client: FlaskClient, service: Still) -> None:
    assert client.get("/readyz").text == "ok\n"
    service.not_ready = "no registry has answered yet"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "no registry has answered yet\n")
    assert client.get("/healthz").status_code == 200


def test_metrics_are_served_as_prometheus_text(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert 'gcr_mirror_tags{mirror="shop",state="in_sync"} 1204.0' in answer.text


def test_the_status_page_begins_with_the_verdict(client: FlaskClient) -> None:
    page = client.get("/").text
    verdict = "GitLab (registry.gitlab.com) is down since 14:02 UTC; 1,204 of 1,207 tags can be pulled"
    assert verdict in page
    assert page.index(verdict) < page.index("acme/shop/api:1.1205") < page.index("Latest passes")


def test_the_search_works_without_javascript(client: FlaskClient) -> None:
    page = client.get("/?q=web&state=behind").text
    found = page[page.index('id="tags"') :]
    assert "acme/shop/web:1.1207" in found
    assert "acme/shop/api" not in found
    assert 'value="web"' in found


def test_pages_link_to_their_neighbours(client: FlaskClient) -> None:
    assert "page=2#tags" in client.get("/").text
    page = client.get("/?page=13").text
    assert "page=12#tags" in page
    assert "page=14" not in page


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page=99999999", "state=odd", "q=" + "a" * 5000])
def test_an_odd_query_is_answered(client: FlaskClient, query: str) -> None:
    assert client.get(f"/?{query}").status_code == 200


def test_a_registry_that_has_not_answered_yet_is_shown_as_not_known(service: Still) -> None:
    service.now = replace(OUTAGE, registries=(Registry("harbor.example"),))
    page = create_app(service).test_client().get("/").text
    assert '<article class="card unknown">' in page
    assert "not known yet" in page
    assert "<p>answers</p>" not in page


def test_names_from_registries_are_text_and_never_markup(service: Still) -> None:
    evil = "<script>alert(1)</script>"
    bad = replace(record(1, missing=True), message=evil, target=evil)
    service.records = (bad,)
    service.now = replace(OUTAGE, behind=(bad,))
    page = create_app(service).test_client().get(f"/?q={evil}").text
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_the_page_may_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    for asset in ("status.css", "status.js"):
        with client.get(f"/static/{asset}") as answered:
            assert answered.status_code == 200


def test_the_status_is_json_too(client: FlaskClient) -> None:
    assert client.get("/api/v1/status").json["verdict"]["level"] == "down"
    found = client.get("/api/v1/tags?state=behind").json
    assert (found["total"], found["tags"][0]["state"]) == (3, "failed")


def test_a_hook_with_the_secret_is_taken(client: FlaskClient, service: Still) -> None:
    body = {"repository": "acme/api", "tag": "1"}
    answer = client.post("/hooks/ci", json=body, headers={"Authorization": "Bearer hush"})
    assert (answer.status_code, answer.json) == (202, {"mirrors": 1, "triggers": 1})
    assert service.taken == [Trigger("acme/api", "1")]


def test_gitlabs_own_header_carries_the_secret(client: FlaskClient, service: Still) -> None:
    body = {"object_kind": "tag_push", "project": {"path_with_namespace": "acme/shop"}}
    assert client.post("/hooks/gitlab", json=body, headers={"X-Gitlab-Token": "hush"}).status_code == 202
    assert service.taken == [Trigger("acme/shop", below=True)]


def test_a_registry_notification_is_taken_whatever_its_content_type(
    client: FlaskClient, service: Still
) -> None:
    body = b'{"events": [{"target": {"repository": "acme/api", "tag": "2"}}]}'
    headers = {
        "Authorization": "Bearer hush",
        "Content-Type": "application/vnd.docker.distribution.events.v1+json",
    }
    assert client.post("/hooks/registry", data=body, headers=headers).status_code == 202
    assert service.taken == [Trigger("acme/api", "2")]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}, {"X-Gitlab-Token": "guess"}])
def test_a_hook_without_the_secret_is_refused(
    client: FlaskClient, service: Still, headers: dict[str, str]
) -> None:
    answer = client.post("/hooks/ci", json={"repository": "acme/api"}, headers=headers)
    assert answer.status_code == 401
    assert "hush" not in answer.text
    assert service.taken == []


def test_hooks_are_closed_while_no_secret_is_configured(client: FlaskClient, service: Still) -> None:
    service.hook_secret = ""
    answer = client.post("/hooks/ci", json={"repository": "a/b"}, headers={"Authorization": "Bearer "})
    assert answer.status_code == 403
    assert "hook_secret_file" in answer.text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/hooks/ci", b"{not json", 400),
        ("/hooks/ci", b"[]", 400),
        ("/hooks/registry", b"{}", 400),
        ("/hooks/other", b"{}", 404),
        ("/hooks/ci", b'{"repository": "' + b"a" * (1 << 20) + b'"}', 413),
    ],
)
def test_a_body_that_is_none_is_refused_in_words(
    client: FlaskClient, path: str, body: bytes, status: int
) -> None:
    answer = client.post(path, data=body, headers={"X-Gitlab-Token": "hush"})
    assert answer.status_code == status
    assert answer.content_type.startswith("text/plain")
    assert "Traceback" not in answer.text


def test_hooks_are_not_for_reading(client: FlaskClient) -> None:
    assert client.get("/hooks/ci").status_code == 405
