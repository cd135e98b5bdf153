from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import ConfigError
from mirror.oci.digest import Digest
from mirror.oci.reference import TAG, Reference, check_host, check_repository, check_tag

DIGEST = Digest.of(b"{}")

labels = st.text("ab0-", min_size=1, max_size=6).filter(lambda text: text.strip("-") == text)
hosts = st.builds(
    lambda names, port: ".".join(names) + ("" if port is None else f":{port}"),
    st.lists(labels, min_size=2, max_size=4),
    st.none() | st.integers(0, 65535),
)
parts = st.builds(
    lambda first, joint, last: f"{first}{joint}{last}",
    st.text("ab0", min_size=1, max_size=4),
    st.sampled_from([".", "_", "__", "-", "---"]),
    st.text("ab0", min_size=1, max_size=4),
)
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(TAG, fullmatch=True)
digests = st.binary().map(Digest.of)


@given(hosts, paths, st.none() | tags, st.none() | digests)
def test_a_reference_is_read_as_it_was_written(
    host: str, path: str, tag: str | None, digest: Digest | None
) -> None:
    reference = Reference(host, path, tag, digest)
    assert Reference.parse(str(reference)) == reference


@given(st.text("aA0.:/@-_[]", max_size=20) | st.text())
def test_any_text_is_a_reference_or_a_configuration_error(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except ConfigError:
        return
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3.20", "docker.io/library/alpine:3.20"),
        ("grafana/grafana", "docker.io/grafana/grafana"),
        ("index.docker.io/grafana/grafana", "docker.io/grafana/grafana"),
        ("localhost/a", "localhost/a"),
        ("localhost:5000/a:b", "localhost:5000/a:b"),
        ("[::1]:5000/a/b", "[::1]:5000/a/b"),
        ("Registry.GitLab.com/acme/shop", "registry.gitlab.com/acme/shop"),
        (f"eu.gcr.io/p/a__b/c--d:1.0@{DIGEST}", f"eu.gcr.io/p/a__b/c--d:1.0@{DIGEST}"),
    ],
)
def test_what_people_write_is_understood_as_docker_understands_it(text: str, expected: str) -> None:
    assert str(Reference.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("https://registry.gitlab.com/acme/shop", "write it without https://"),
        ("registry.gitlab.com/Acme/Shop", "write 'acme/shop'"),
        ("registry.gitlab.com/", "the repository is missing; write registry.gitlab.com/path"),
        ("/acme/shop", "is not a host; write host or host:port"),
        ("host.example:99999/acme/shop", "is not a host"),
        ("", "the repository is missing"),
        ("host.example/a//b", "without the extra '/'"),
        ("host.example/a___b", "lower-case letters and digits"),
        ("host.example/a:", "is no tag"),
        ("host.example/a:.b", "does not begin with '.'"),
        ("host.example/a:" + "b" * 129, "1 to 128"),
        ("host.example/a@sha256:abc", "is not a digest"),
        ("host.example/a@", "is not a digest"),
        ("host.example/" + "a" * 243, "256 characters with its host, 255 are allowed"),
    ],
)
def test_a_bad_reference_is_refused_with_the_fix(text: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Reference.parse(text)
    assert fix in str(caught.value)


def test_the_longest_name_that_clients_pull_is_accepted() -> None:
    assert len(Reference.parse("host.example/" + "a" * 242).name) == 255


def test_a_manifest_is_asked_for_by_digest_then_tag_then_latest() -> None:
    assert Reference.parse(f"host.example/a:b@{DIGEST}").identifier == DIGEST
    assert Reference.parse("host.example/a:b").identifier == "b"
    assert Reference.parse("host.example/a").identifier == "latest"


def test_only_docker_hub_answers_on_another_host() -> None:
    assert Reference.parse("alpine").api_host == "registry-1.docker.io"
    assert Reference.parse("eu.gcr.io/p/a").api_host == "eu.gcr.io"


def test_a_login_inside_a_host_is_refused_and_not_repeated() -> None:
    for text in (
        "https://user:hunter2@host.example",
        "user:hunter2@host.example",
        "user:hunter2@host.example/x",
    ):
        with pytest.raises(ConfigError) as caught:
            check_host(text)
        assert "hunter2" not in str(caught.value)


def test_a_host_with_a_scheme_or_a_path_is_answered_with_the_host_alone() -> None:
    with pytest.raises(ConfigError, match=r"write the host alone: host\.example:5000$"):
        check_host("https://host.example:5000/v2/")
    with pytest.raises(ConfigError, match=r"write the host alone: host\.example$"):
        check_host("host.example/v2/")


@given(st.text())
def test_the_checks_return_what_they_accept(text: str) -> None:
    for check in (check_repository, check_tag):
        try:
            assert check(text) == text
        except ConfigError:
            continue
