"""`gcr-mirror kubernetes readiness`: real registries, the pods' own login, and a stand-in of the API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mirror.demo.stage import stage
from mirror.oci.auth import Login
from mirror.render.pull_secret import PullSecret
from tests.acceptance.markdown import blocks
from tests.servers.api_server import ApiServer
from tests.servers.command import Ran, configuration, gcr_mirror, plain, shell
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed

BOOK = Path(__file__).parents[2] / "docs" / "runbooks" / "gitlab-registry-down.md"
READER = ("reader", "may-only-pull")
Json = dict[str, Any]


class Shop:
    """A source and a mirror that want logins; the mirror has the image `acme/api:1` of the source."""

    def __init__(self, folder: Path, registries: Registries) -> None:
        self.folder = folder
        self.source, self.mirror = registries(), registries(users=dict([READER, ("pusher", "may-push")]))
        self.digest = self.seed("1", b"the same")
        (folder / "password").write_text("may-push")
        target = plain(self.mirror.host, credentials={"username": "pusher", "password_file": "password"})
        source = plain(self.source.host)
        self.config = configuration(folder, source, target, repositories=["acme/**"], prefix="gitlab")
        self.secret = folder / "secret.yaml"
        self.secret.write_text(self.pull_secret(*READER))

    def seed(self, tag: str, at_source: bytes, at_mirror: bytes | None = None) -> str:
        Seed(self.source.url, "acme/api").image(tag, layers=(at_source,))
        mirror = Seed(self.mirror.url, "gitlab/acme/api", auth=READER)
        return str(mirror.image(tag, layers=(at_mirror or at_source,))["digest"])

    def pull_secret(self, user: str, password: str) -> str:
        return PullSecret("pull", "shop", self.mirror.host, Login(user, password)).secret()

    def manifest(self, *tags: str) -> Path:
        images = "".join(f"- image: {self.source.host}/acme/api:{tag}\n" for tag in tags)
        file = self.folder / "shop.yaml"
        file.write_text(f"containers:\n{images}")
        return file

    def readiness(self, *words: str | Path, **env: str) -> Ran:
        return gcr_mirror(
            "kubernetes", "readiness", "-c", self.config, *words, "--json", env=env, home=self.folder
        )


@pytest.fixture
def shop(tmp_path: Path, registries: Registries) -> Shop:
    return Shop(tmp_path, registries)


def images(ran: Ran) -> list[Json]:
    return list(json.loads(ran.out)["images"])


def test_an_image_that_is_the_same_and_whole_and_may_be_pulled_is_ready(shop: Shop) -> None:
    ran = shop.readiness("-f", shop.manifest("1"), "--secret", shop.secret)
    assert ran.code == 0, ran.out + ran.err
    assert images(ran) == [
        {
            "where": f"{shop.folder}/shop.yaml:2",
            "image": f"{shop.source.host}/acme/api:1",
            "mirrored": f"{shop.mirror.host}/gitlab/acme/api:1",
            "digest": shop.digest,
            "compared": "source",
            "ready": True,
            "problem": None,
        }
    ]


def test_the_question_is_asked_with_the_pods_login_and_not_with_the_mirrors(shop: Shop) -> None:
    assert "pusher" in shop.config.read_text()
    none = shop.readiness("-f", shop.manifest("1"))
    assert (none.code, images(none)[0]["problem"]) == (1, "the pods may not pull it without a pull secret")
    shop.secret.write_text(shop.pull_secret("reader", "wrong"))
    wrong = shop.readiness("-f", shop.manifest("1"), "--secret", shop.secret)
    assert (wrong.code, images(wrong)[0]["problem"]) == (1, "the pods may not pull it as reader")
    assert "wrong" not in wrong.out.replace(str(shop.folder), "") + wrong.err


def test_while_the_source_is_down_the_mirror_alone_answers(shop: Shop) -> None:
    shop.source.stop()
    ran = shop.readiness("-f", shop.manifest("1"), "--secret", shop.secret)
    assert (ran.code, images(ran)[0]["compared"]) == (0, "nothing")


def test_a_tag_that_is_missing_or_another_image_is_not_ready(shop: Shop) -> None:
    shop.seed("moved", b"new", b"old")
    Seed(shop.source.url, "acme/api").image("late", layers=(b"not copied yet",))
    ran = shop.readiness("-f", shop.manifest("1", "moved", "late"), "--secret", shop.secret)
    assert (ran.code, [one["ready"] for one in images(ran)]) == (1, [True, False, False])
    assert images(ran)[1]["problem"].startswith("the mirror has sha256:")
    assert images(ran)[2]["problem"] == "is not on the mirror"


def test_an_image_that_lacks_a_layer_is_not_ready(shop: Shop) -> None:
    data = shop.mirror.directory / "data/docker/registry/v2/repositories/gitlab/acme/api"
    for link in (data / "_layers").rglob("link"):
        link.unlink()
    ran = shop.readiness("-f", shop.manifest("1"), "--secret", shop.secret)
    assert ran.code == 1
    assert images(ran)[0]["problem"].startswith("incomplete: ")


def test_nothing_that_was_looked_at_is_nothing_that_is_ready(shop: Shop) -> None:
    file = shop.folder / "other.yaml"
    file.write_text("containers:\n- image: registry.typo.example/acme/api:1\n")
    ran = shop.readiness("-f", file)
    assert (ran.code, json.loads(ran.out)) == (1, {"ready": False, "images": []})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a: b\n\xff", "2: is not YAML: it is not text in UTF-8"),
        (b"a: b\nc: \x00", "2: is not YAML: it has a control character"),
        (b"a: b\nc: {", "2: is not YAML: the bracket that is opened here is never closed"),
        (b"[" * 5_000, "1: is nested too deeply to be read"),
        (
            b"\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nmetadata: {name: x}\ndata: {.dockerconfigjson: a}",
            "2: the Secret x holds no docker configuration that can be read",
        ),
    ],
    ids=["bytes", "binary", "open", "deep", "secret"],
)
def test_a_secret_that_cannot_be_read_is_named_by_file_and_line(shop: Shop, data: bytes, says: str) -> None:
    shop.secret.write_bytes(data)
    ran = shop.readiness("-f", shop.manifest("1"), "--secret", shop.secret)
    assert (ran.code, ran.out, ran.err) == (2, "", f"gcr-mirror: {shop.secret}:{says}\n")


def test_a_table_has_the_bad_news_first(shop: Shop) -> None:
    words = ("-f", shop.manifest("1", "late"), "--secret", shop.secret)
    ran = gcr_mirror("kubernetes", "readiness", "-c", shop.config, *words, home=shop.folder)
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines] == ["READY", "no", "yes"]
    assert lines[2].endswith("whole, the same as at the source")


def test_google_is_asked_with_the_key_of_the_pull_secret(tmp_path: Path) -> None:
    with stage(tmp_path) as config:
        assert gcr_mirror("sync", "-c", config, "--json", home=tmp_path).code == 0
        (mirror,) = json.loads(gcr_mirror("list", "-c", config, "google", "--json", home=tmp_path).out)[:1]
        host = YAML(typ="safe").load(config)["registries"]["gitlab"]["host"]
        name = mirror["repository"].removeprefix("gitlab/")
        (tmp_path / "shop.yaml").write_text(f"containers: [{{image: '{host}/{name}:{mirror['tag']}'}}]")
        secret = ("--namespace", "shop", "--key-file", tmp_path / "google-key.json", "--force")
        made = gcr_mirror("kubernetes", "pull-secret", "-c", config, *secret, home=tmp_path)
        (tmp_path / "secret.yaml").write_text(made.out)
        words = ("readiness", "-c", config, "-f", tmp_path / "shop.yaml", "--json")
        ready = gcr_mirror("kubernetes", *words, "--secret", tmp_path / "secret.yaml", home=tmp_path)
        assert ready.code == 0, ready.out + ready.err
        assert (images(ready)[0]["digest"], images(ready)[0]["compared"]) == (mirror["digest"], "source")
        refused = gcr_mirror("kubernetes", *words, home=tmp_path)
        assert (refused.code, images(refused)[0]["problem"]) == (
            1,
            "the pods may not pull it without a pull secret",
        )


@pytest.fixture
def api(shop: Shop) -> Iterator[ApiServer]:
    with ApiServer() as server:
        labels = {"gcr-mirror/failover": "allowed"}
        server.add("namespaces", "", "shop", metadata={"labels": labels})
        yield server


def pod(server: ApiServer, namespace: str, image: str, *secrets: str, running: str = "") -> None:
    spec = {
        "containers": [{"name": "c", "image": image}],
        "imagePullSecrets": [{"name": name} for name in secrets],
    }
    ran = {"name": "c", "image": image, "imageID": running, "ready": True, "restartCount": 0}
    name = f"pod-{len(server.objects)}"
    server.add("pods", namespace, name, spec=spec, status={"containerStatuses": [ran]})


def secret(server: ApiServer, namespace: str, text: str) -> None:
    made = YAML(typ="safe").load(text)
    server.add("secrets", namespace, "pull", type=made["type"], data=made["data"])


def test_a_clusters_pods_are_asked_about_with_the_secrets_that_they_name(
    tmp_path: Path, shop: Shop, api: ApiServer
) -> None:
    image = f"{shop.source.host}/acme/api:1"
    pod(api, "shop", image, "pull", running=f"{shop.source.host}/acme/api@{shop.digest}")
    pod(api, "web", image)
    pod(api, "web", "redis:7")
    secret(api, "shop", shop.pull_secret(*READER))
    ran = shop.readiness("--context", "test", KUBECONFIG=str(api.kubeconfig(tmp_path)))
    assert ran.code == 1, ran.err
    assert {one["where"].split("/")[0]: (one["ready"], one["compared"]) for one in images(ran)} == {
        "shop": (True, "pod"),
        "web": (False, "nothing"),
    }


def test_the_secret_that_the_failover_would_add_counts_where_it_takes_part(
    tmp_path: Path, shop: Shop, api: ApiServer
) -> None:
    labels = {"labels": {"app.kubernetes.io/name": "gcr-mirror-failover"}}
    api.add("configmaps", "gcr-mirror", "gcr-mirror-failover", data={"pullSecret": "pull"}, metadata=labels)
    secret(api, "shop", shop.pull_secret(*READER))
    secret(api, "web", shop.pull_secret(*READER))
    for namespace in ("shop", "web"):
        pod(api, namespace, f"{shop.source.host}/acme/api:1")
    ran = shop.readiness("--context", "test", KUBECONFIG=str(api.kubeconfig(tmp_path)))
    assert {one["where"].split("/")[0]: one["ready"] for one in images(ran)} == {"shop": True, "web": False}


def test_the_runbooks_commands_that_ask_the_mirror_and_gitlab_are_run(
    tmp_path: Path, shop: Shop, api: ApiServer
) -> None:
    """Each as it stands, but for the address of GitLab's registry."""
    written = [line for one in blocks(BOOK) if one.language == "sh" for line in one.text.splitlines()]
    status, greeting, readiness = (
        next(line for line in written if line.startswith(word))
        for word in ("gcr-mirror status", "curl", "gcr-mirror kubernetes readiness")
    )
    pod(api, "shop", f"{shop.source.host}/acme/api:1", "pull")
    secret(api, "shop", shop.pull_secret(*READER))
    assert "The first pass has not ended yet (shop)" in shell(f"{status} || test $? = 1", tmp_path)
    assert (
        shell(greeting.replace("https://registry.gitlab.com", shop.source.url), tmp_path)
        == "HTTP/1.1 200 OK\n"
    )
    kubeconfig = str(api.kubeconfig(tmp_path, "production"))
    assert "whole, the same as at the source" in shell(readiness, tmp_path, KUBECONFIG=kubeconfig)


def test_an_image_that_no_mirror_has_is_not_ready(shop: Shop, registry: Registry) -> None:
    file = shop.folder / "other.yaml"
    file.write_text(f"containers:\n- image: {shop.source.host}/other/api:1\n")
    ran = shop.readiness("-f", file)
    assert (ran.code, images(ran)[0]["problem"]) == (1, "is on no mirror")
