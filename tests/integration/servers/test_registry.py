"""The real registry does what the tests that build on it take for granted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.servers.certificates import Authority
from tests.servers.process import StartFailed, free_port
from tests.servers.registry import Registries, Registry, Request, TokenAuth
from tests.servers.seed import Seed


def test_requests_are_counted_by_method_and_path(registry: Registry) -> None:
    assert registry.requests() == []
    Seed(registry.url, "acme/api").image("1.0")
    requests.get(f"{registry.url}/v2/acme/api/tags/list?n=5", timeout=5)
    assert registry.count("PUT", r"^/v2/acme/api/manifests/1\.0$") == 1
    assert registry.count("POST", r"/blobs/uploads/$") == 2
    assert registry.requests()[-1] == Request("GET", "/v2/acme/api/tags/list?n=5", 200)
    registry.forget_requests()
    assert registry.requests() == []


def test_a_line_with_a_hostile_user_agent_is_still_one_request(registry: Registry) -> None:
    agent = {"User-Agent": 'x" 200 1 "GET /forged HTTP/1.1" 200 '}
    requests.get(f"{registry.url}/v2/", headers=agent, timeout=5)
    assert registry.requests() == [Request("GET", "/v2/", 200)]


def test_a_registry_comes_back_at_the_same_address_with_its_data(registry: Registry) -> None:
    Seed(registry.url, "acme/api").image("1.0")
    registry.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{registry.url}/v2/", timeout=5)
    registry.start()
    assert requests.get(f"{registry.url}/v2/acme/api/tags/list", timeout=5).json()["tags"] == ["1.0"]


def test_two_registries_share_nothing(registries: Registries) -> None:
    one, two = registries(), registries()
    Seed(one.url, "acme/api").image("1.0")
    assert requests.get(f"{two.url}/v2/acme/api/tags/list", timeout=5).status_code == 404
    assert one.count("GET", "tags/list") == 0


def test_only_the_right_password_opens_a_registry_with_users(registries: Registries) -> None:
    registry = registries(users={"ann": "s3cret", "bob": "hunter2"})
    statuses = [
        requests.get(f"{registry.url}/v2/", auth=auth, timeout=5).status_code
        for auth in (None, ("ann", "hunter2"), ("ann", "s3cret"), ("bob", "hunter2"))
    ]
    assert statuses == [401, 401, 200, 200]


def test_a_password_that_bcrypt_would_cut_is_refused(registries: Registries) -> None:
    with pytest.raises(ValueError, match="72 bytes"):
        registries(users={"ann": "x" * 73})


def test_tls_is_good_for_the_private_authority_only(registries: Registries, authority: Authority) -> None:
    registry = registries(tls=authority.server())
    assert requests.get(f"{registry.url}/v2/", verify=str(authority.file), timeout=5).status_code == 200
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{registry.url}/v2/", timeout=5)


def test_token_auth_names_its_realm_service_and_scope(registries: Registries, authority: Authority) -> None:
    token = TokenAuth("http://127.0.0.1:1/jwt/auth", "container_registry", "gitlab-issuer", authority.file)
    registry = registries(token=token)
    answer = requests.get(f"{registry.url}/v2/acme/api/tags/list", timeout=5)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="http://127.0.0.1:1/jwt/auth",service="container_registry",scope="repository:acme/api:pull"'
    )


@pytest.mark.parametrize(("delete", "status"), [(True, 202), (False, 405)])
def test_a_manifest_is_deleted_only_where_that_is_enabled(
    registries: Registries, delete: bool, status: int
) -> None:
    registry = registries(delete=delete)
    image = Seed(registry.url, "acme/api").image("1.0")
    url = f"{registry.url}/v2/acme/api/manifests/{image['digest']}"
    assert requests.delete(url, timeout=5).status_code == status


def test_any_other_setting_can_be_given(registries: Registries) -> None:
    registry = registries(settings={"storage": {"maintenance": {"readonly": {"enabled": True}}}})
    assert requests.post(f"{registry.url}/v2/acme/api/blobs/uploads/", timeout=5).status_code == 405


def test_when_the_port_is_taken_another_one_is_tried(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([registry.port, registry.port, free_port()])
    monkeypatch.setattr("tests.servers.registry.free_port", lambda: next(ports))
    second = Registry(tmp_path / "second")
    assert second.port != registry.port
    assert requests.get(f"{second.url}/v2/", timeout=5).status_code == 200
    second.stop()


def test_a_registry_that_cannot_start_says_why(registries: Registries) -> None:
    with pytest.raises(StartFailed, match="nosuchdriver"):
        registries(settings={"storage": {"nosuchdriver": {}, "filesystem": {}}})


def test_a_killed_test_run_leaves_no_registry_behind(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tests.servers.registry import Registry\n"
        "registry = Registry(Path(sys.argv[1])); print(registry._process.pid, flush=True); time.sleep(60)"
    )
    run = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert run.stdout
    with run.stdout:
        server = int(run.stdout.readline())
    assert _alive(server)
    run.send_signal(signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + 5
    while _alive(server) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(server)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Killed and waiting for its parent to look: as good as gone.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
