from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.config import Config, load
from mirror.config.file import parse
from mirror.config.model import GitLabRegistry, GoogleRegistry
from mirror.errors import ConfigError

REGISTRIES = """\
registries:
  gitlab:
    kind: gitlab
    host: registry.gitlab.com
  gcr:
    kind: google
    host: eu.gcr.io
    project: arctic-goal-676703
"""
MIRROR = """\
  - name: shop
    source: gitlab
    target: gcr
    repositories: [acme/shop]
"""
SMALLEST = f"{REGISTRIES}mirrors:\n{MIRROR}"


def read(text: str, **env: str) -> Config:
    return parse(text, env, file="config.yaml", directory=Path("/etc/mirror"))


def findings(text: str, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, **env)
    return str(caught.value).splitlines()


def finding(text: str, **env: str) -> str:
    (only,) = findings(text, **env)
    return only


def with_registry(*lines: str, name: str = "more") -> str:
    """The smallest configuration and one more registry; its keys are lines from 10 on."""
    registry = "".join(f"    {line}\n" for line in lines)
    return f"{REGISTRIES}  {name}:\n{registry}mirrors:\n{MIRROR}"


def with_mirror(*lines: str) -> str:
    """The smallest configuration with more keys of its mirror, or other ones; these are lines from 14 on."""
    keys = {line.partition(":")[0] for line in lines}
    kept = [line for line in MIRROR.splitlines() if re.split(r"[ :-]+", line)[1] not in keys]
    added = [f"    {line}" for line in lines]
    text = "\n".join([*kept, *added])
    return f"{REGISTRIES}mirrors:\n{text if text.startswith('  - ') else text.replace('    ', '  - ', 1)}\n"


def test_what_is_left_out_has_its_default() -> None:
    config = read(SMALLEST)
    (mirror,) = config.mirrors
    assert (mirror.prefix, mirror.platforms, mirror.referrers) == ("", "all", True)
    assert (mirror.on_moved_tag, mirror.interval) == ("overwrite", timedelta(minutes=5))
    assert (mirror.tags.include, mirror.tags.exclude) == (("*",), ())
    assert (mirror.tags.semver, mirror.tags.newest, mirror.tags.max_age) == (None, None, None)
    assert (config.limits.images, config.limits.blobs) == (32, 32)
    assert (config.limits.requests_per_second, config.limits.bandwidth) == (None, None)
    gitlab, gcr = config.registries["gitlab"], config.registries["gcr"]
    assert isinstance(gitlab, GitLabRegistry)
    assert isinstance(gcr, GoogleRegistry)
    assert (gitlab.insecure, gitlab.ca_file, gitlab.credentials, gitlab.api_url) == (False, None, None, None)
    assert (gcr.repository, gcr.credentials) == (None, None)


def test_relative_paths_begin_where_the_file_is(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(with_registry("kind: oci", "host: localhost:5000", "ca_file: ca.pem"), encoding="utf-8")
    assert load(file, {}).registries["more"].ca_file == tmp_path / "ca.pem"
    config = read(with_registry("kind: oci", "host: localhost:5000", "ca_file: /ca.pem"))
    assert config.registries["more"].ca_file == Path("/ca.pem")


def test_a_file_that_cannot_be_read_is_told_with_the_fix(tmp_path: Path) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_bytes(b"\xff\xfe\x00")
    for path, fault in {
        tmp_path / "nope.yaml": "begin with config.example.yaml",
        tmp_path: "cannot be read: Is a directory",
        broken: "save it as UTF-8",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert str(caught.value).startswith(f"{path}: ")
        assert fault in str(caught.value)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    found = findings(
        with_registry("kind: oci", "host: https://x.example", "isecure: true").replace(
            "target: gcr", "target: gcrr\n    interval: 5"
        )
        + "limits: {images: 0}\n"
    )
    assert [line.split(": ")[:2] for line in found] == [
        ["config.yaml:11", "registries.more.host"],
        ["config.yaml:12", "registries.more.isecure"],
        ["config.yaml:16", "mirrors[0].target"],
        ["config.yaml:17", "mirrors[0].interval"],
        ["config.yaml:19", "limits.images"],
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["kind: oci"], "9: registries.more.host: is missing; add it"),
        (["host: x.example"], "9: registries.more: has no kind; add kind: gitlab, google or oci"),
        (["kind: gitlb", "host: x.example"], "10: registries.more.kind: is none of gitlab, google, oci; did you mean"),
        (["kind: oci", "host: https://x.example/"], "11: registries.more.host: 'https://x.example/' has a scheme"),
        (["kind: oci", "host: 5000"], "11: registries.more.host: wants text; put it in quotes"),
        (["kind: oci", "host: x.example/team"], "write the host alone: x.example"),
        (["kind: oci", "host: x.example", "project: acme-1"], "project: is no key here; known are kind, host"),
        (["kind: oci", "host: x.example", "insecure: maybe"], "wants true or false"),
        (["kind: oci", "host: x.example", "insecure: true", "ca_file: x"], "13: registries.more.ca_file: means"),
        (["kind: google", "host: gcr.io"], "registries.more.project: is missing"),
        (["kind: google", "host: gcr.io", "project: '123456'"], "is the project's number"),
        (["kind: google", "host: gcr.io", "project: Acme_1"], "is no project id"),
        (["kind: google", "host: gcr.io", "project: acme-images", "repository: x"], "13: registries.more.repository:"),
        (["kind: google", "host: x-docker.pkg.dev", "project: acme-images"], "registries.more.repository: is missing"),
        (["kind: google", "host: ue.gcr.io", "project: acme-images"], "is no registry of Google; known are gcr.io"),
        (["kind: gitlab", "host: x.example", "api_url: x.example"], "is no address; write https://host"),
        (["kind: gitlab", "host: x.example", "api_url: https://a:b@x.example"], "api_url: has a login in it; remove"),
        (["kind: oci", "host: x.example", "credentials: {username: x}"], "wants exactly one of password_file"),
        (["kind: oci", "host: x.example", "credentials: {password_file: x}"], "credentials.username: is missing"),
        (["kind: oci", "host: x.example", "credentials: {username: a, token_file: b}"], "you mean 'password_file'?"),
        (["kind: oci", "host: x.example", "credentials: {username: a, password_env: $b}"], "is no name of a variable"),
        (
            ["kind: google", "host: gcr.io", "project: acme-images", "credentials: {adc: true, json_key_env: A}"],
            "13: registries.more.credentials: wants exactly one of json_key_file, json_key_env and adc: true",
        ),
        (
            ["kind: google", "host: gcr.io", "project: acme-images", "credentials: {adc: false}"],
            "wants exactly one of json_key_file, json_key_env and adc: true",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_registry_is_told_with_line_and_fix(lines: list[str], expected: str) -> None:
    assert expected in " ".join(findings(with_registry(*lines)))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["source: gitlb"], "no registry has the name 'gitlb'; did you mean 'gitlab'?"),
        (["source: nexus"], "no registry has the name 'nexus'; known are gitlab, gcr"),
        (["source: gcr"], "mirrors[0].target: is the source itself, 'gcr'"),
        (["name: a b"], "'a b' is no name"),
        (["repositories: []"], "mirrors[0].repositories: is empty; it wants at least one entry"),
        (["repositories: acme/shop"], "wants a list; write [one, two]"),
        (["repositories: [acme/Shop]"], "only lower case is allowed; write 'acme/shop'"),
        (["repositories: [Acme/**]"], "'Acme/**' fits no repository"),
        (["repositories: [acme//*]"], "'acme//*' fits no repository"),
        (["repositories: ['acme/[']"], "mirrors[0].repositories[0]: 'acme/[' has a '[' without its ']'"),
        (["repositories: ['!acme/**']"], "only negations: nothing is included"),
        (["repositories: ['" + "a" * 240 + "']"], "has no place at the target"),
        (["prefix: /a"], "mirrors[0].prefix: '/a' is no repository path"),
        (["prefix: a/"], "it has an empty part"),
        (["prefix: Team"], "write 'team'"),
        (["tags: {include: [a/b]}"], "mirrors[0].tags.include[0]: 'a/b' fits no tag"),
        (["tags: {exclude: ['/(/']}"], "mirrors[0].tags.exclude[0]: '/(/' is no regular expression"),
        (["tags: {semver: new}"], "mirrors[0].tags.semver: 'new' is no range of versions"),
        (["tags: {semver: 1.0}"], "mirrors[0].tags.semver: wants text; put it in quotes"),
        (["tags: {newest: 0}"], "mirrors[0].tags.newest: must be 1 or more"),
        (["tags: {newest: many}"], "mirrors[0].tags.newest: wants a whole number"),
        (["tags: {max_age: 90}"], "mirrors[0].tags.max_age: wants a number with its unit"),
        (["tags:"], "mirrors[0].tags: is empty; it wants a mapping"),
        (["platforms: linux"], "mirrors[0].platforms: is neither all nor a list"),
        (["platforms: []"], "mirrors[0].platforms: is neither all nor a list"),
        (["platforms: [linux]"], "write linux/amd64 or linux/arm/v7"),
        (["platforms: [linux/x86_64]"], "'x86_64' is unknown; write amd64"),
        (["platforms: [linux/amd46]"], "'amd46' is unknown; did you mean 'amd64'?"),
        (["platforms: [linx/amd64]"], "'linx' is unknown; did you mean 'linux'?"),
        (["on_moved_tag: replace"], "is none of backup, keep, overwrite"),
        (["interval: 0s"], "'0s' is no time at all"),
        (["interval: 5 minutes"], "'5 minutes' is no duration"),
        (["intervall: 5m"], "mirrors[0].intervall: is no key here; did you mean 'interval'?"),
    ],
)
def test_a_mistake_in_a_mirror_is_told_with_the_fix(lines: list[str], expected: str) -> None:
    assert expected in finding(with_mirror(*lines))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "config.yaml:1: wants a mapping"),
        ("registries: {}\nmirrors: []\n", "config.yaml:1: registries: is empty; it wants at least one entry"),
        ("registries: 1\nmirrors: 1\n", "config.yaml:2: mirrors: wants a list"),
        (
            SMALLEST + "limits: {bandwidth: 10}\n",
            "limits.bandwidth: wants a number with its unit, such as 10MiB/s",
        ),
        (SMALLEST + "limits: {requests_per_second: 0}\n", "limits.requests_per_second: must be more than 0"),
        (SMALLEST + "limits: {requests_per_second: fast}\n", "limits.requests_per_second: wants a number"),
        (SMALLEST + "limits: {blobs: 5000}\n", "limits.blobs: must be 1024 or less"),
        (SMALLEST + "limit: {}\n", "config.yaml:14: limit: is no key here; did you mean 'limits'?"),
        (
            with_registry("kind: oci", "host: x.example", name="a b"),
            "config.yaml:9: registries.a b: 'a b' is no name",
        ),
    ],
)
def test_a_mistake_elsewhere_is_told_with_the_fix(text: str, expected: str) -> None:
    assert expected in "\n".join(findings(text))


def routes(first: str, second: str, *, registry: str = "") -> str:
    return f"{REGISTRIES}{registry}mirrors:\n" + "".join(
        f"  - {{name: {name}, source: gitlab, target: gcr, {keys}}}\n"
        for name, keys in (("one", first), ("two", second))
    )


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ("repositories: [acme/**]", "repositories: [acme/shop]", "acme/shop"),
        ("repositories: [acme/**]", "repositories: [shop/**], prefix: acme", "acme/shop"),
        ("repositories: ['a/**/api'], prefix: x", "repositories: ['x/a/*'], prefix: ''", "x/a/api"),
        ("repositories: ['acme/{a,b}']", "repositories: [acme/b, acme/c]", "acme/b"),
    ],
)
def test_two_mirrors_that_write_to_one_place_are_refused_with_an_example(
    first: str, second: str, place: str
) -> None:
    found = finding(routes(first, second))
    assert found.startswith("config.yaml:11: mirrors[1].repositories: writes to the same place as 'one'")
    assert f"such as eu.gcr.io/arctic-goal-676703/{place};" in found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("repositories: ['acme/**', '!acme/shop/**']", "repositories: [acme/shop/**]"),
        ("repositories: ['acme/**'], prefix: a", "repositories: ['acme/**'], prefix: b"),
        ("repositories: ['acme/*']", "repositories: ['acme/*/*']"),
    ],
)
def test_two_mirrors_that_cannot_meet_are_accepted(first: str, second: str) -> None:
    assert len(read(routes(first, second)).mirrors) == 2


def test_two_mirrors_may_write_the_same_paths_to_different_hosts() -> None:
    registry = "  other: {kind: google, host: us.gcr.io, project: arctic-goal-676703}\n"
    first, _, last = routes(
        "repositories: ['acme/**']", "repositories: ['acme/**']", registry=registry
    ).rpartition("target: gcr")
    assert len(read(f"{first}target: other{last}").mirrors) == 2


def test_one_place_under_two_names_is_still_one_place() -> None:
    registry = "  again: {kind: oci, host: eu.gcr.io}\n"
    text = routes(
        "repositories: [acme/a]", "repositories: [acme/a], prefix: arctic-goal-676703", registry=registry
    )
    assert read(text)
    last = text.rpartition("target: gcr")
    assert "writes to the same place as 'one'" in finding(f"{last[0]}target: again{last[2]}")


def test_a_mirror_that_would_read_what_it_writes_is_refused() -> None:
    again = "  again: {kind: oci, host: registry.gitlab.com}\n"
    text = f"{REGISTRIES}{again}mirrors:\n{MIRROR}".replace("target: gcr", "target: again")
    assert "would read what it writes, such as registry.gitlab.com/acme/shop" in finding(text)
    assert read(text + "    prefix: copies\n")
    assert "registry.gitlab.com/copies" in finding(
        text.replace("acme/shop", "copies/**") + "    prefix: copies\n"
    )


def test_two_mirrors_of_one_name_are_refused() -> None:
    text = SMALLEST + MIRROR + "    prefix: again\n"
    assert finding(text).startswith(
        "config.yaml:14: mirrors[1].name: 'shop' is the name of mirrors[0] already"
    )


@pytest.mark.parametrize(
    ("host", "api_url", "is_clear"),
    [
        ("registry.gitlab.com", "", True),
        ("registry.acme.example", "", True),
        ("gitlab.acme.example:5050", "", False),
        ("registry.acme.example:5050", "", False),
        ("images.acme.example", "", False),
        ("gitlab.acme.example:5050", "https://gitlab.acme.example/", True),
    ],
)
def test_a_glob_needs_to_know_where_gitlab_is(host: str, api_url: str, is_clear: bool) -> None:
    text = with_mirror("repositories: ['acme/**']").replace("host: registry.gitlab.com", f"host: {host}")
    text = text.replace("kind: gitlab", f"kind: gitlab\n    api_url: {api_url}") if api_url else text
    if is_clear:
        assert read(text)
    else:
        assert "add api_url to registries.gitlab, or name each repository" in finding(text)
        assert read(text.replace("acme/**", "acme/shop"))


def test_a_glob_at_gitlab_begins_with_a_group_or_project() -> None:
    assert "begins with no group or project" in finding(with_mirror("repositories: ['**']"))
    assert read(with_mirror("repositories: ['acme/**']"))


@pytest.mark.parametrize(
    "lines",
    [
        ["credentials: {username: a, password: hunter2}"],
        ["credentials: {username: a, token: hunter2}"],
        ["credentials: {username: a, password_file: a, pasword: hunter2}"],
        ["password: hunter2"],
        ["credentials: hunter2"],
        ["credentials: {username: a, password_env: hunter-2}"],
        ["credentials: {username: a, password_env: '${TOKEN}'}"],
        ['credentials: {username: a, password_file: \'{"private_key": "hunter2"}\'}'],
        ["credentials: {username: [hunter2]}"],
        ["host: a:hunter2@x.example"],
        ["host: https://a:hunter2@x.example"],
        ["host: '${TOKEN}'"],
    ],
)
def test_no_secret_is_repeated(lines: list[str]) -> None:
    host = [] if lines[0].startswith("host") else ["host: x.example"]
    text = "\n".join(findings(with_registry("kind: oci", *host, *lines), TOKEN="hunter2/"))
    assert "hunter2" not in text
    assert "hunter-2" not in text


def test_a_secret_in_the_file_is_answered_with_where_to_put_it() -> None:
    found = finding(with_registry("kind: oci", "host: x.example", "credentials: {username: a, password: b}"))
    assert "a secret does not stand in this file; write password_file: PATH, or password_env: NAME" in found
    found = finding(
        with_registry("kind: google", "host: gcr.io", "project: acme-images", "credentials: {token: b}")
    )
    assert "write json_key_file: PATH, or json_key_env: NAME" in found


def test_a_variable_that_is_not_set_is_told_once_beside_the_other_mistakes() -> None:
    found = findings(with_registry("kind: oci", "host: ${HOST}", "insecure: maybe"))
    assert [line.split(": ")[:2] for line in found] == [
        ["config.yaml:11", "registries.more.host"],
        ["config.yaml:12", "registries.more.insecure"],
    ]
    assert "the variable HOST is not set" in found[0]


keys = st.sampled_from(
    [
        "registries",
        "mirrors",
        "limits",
        "kind",
        "host",
        "gitlab",
        "credentials",
        "tags",
        "name",
        "source",
        "x",
    ]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["gitlab", "oci", "a", "**", "", "5m"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_whatever_the_file_says_the_answer_is_a_configuration_or_findings(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:  # too little is drawn here for a whole configuration
        read(repr(data).replace("None", "null").replace("True", "true").replace("False", "false"))
    assert all(re.match(r"config\.yaml:[0-9]+: .", line) for line in str(caught.value).splitlines())
