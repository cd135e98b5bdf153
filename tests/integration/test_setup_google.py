"""A set-up makes so what is missing at Google, and nothing else: on a stand-in held to Google's discovery documents."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials

from mirror.checks.buckets import Buckets
from mirror.checks.federation import Federation
from mirror.checks.google_api import ENDPOINT_VARIABLE, GoogleApi, counted_for
from mirror.checks.setup import Wish, apply, plan
from mirror.checks.steps import Cloud
from mirror.cli.app import main
from mirror.errors import ConfigError, Denied, MirrorError, Unauthorized, Unavailable
from mirror.events import ignore
from mirror.registries.artifact_registry import Home
from mirror.registries.denials import explain
from mirror.registries.google_auth import SCOPES
from mirror.transport.clock import Clock
from mirror.transport.retry import Policy, Retry
from tests.servers.gcloud import Gcloud
from tests.servers.google_cloud import GoogleCloud, keep_on_loopback
from tests.servers.waiting import Instant

PROJECT = "arctic-goal-676703"
SETUP = ["setup", "google", "--project", PROJECT, "--host", "eu.gcr.io"]
HOME = Home.of("eu.gcr.io", PROJECT)
MEMBER = f"serviceAccount:gcr-mirror@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT = f"projects/{PROJECT}/serviceAccounts/gcr-mirror@{PROJECT}.iam.gserviceaccount.com"
WRITER = "roles/artifactregistry.writer"
BUCKET = f"eu.artifacts.{PROJECT}.appspot.com"
BUCKET_WRITER = "roles/storage.legacyBucketWriter"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    with GoogleCloud() as google:
        keep_on_loopback(monkeypatch, google)
        yield google


@pytest.fixture
def clock() -> Instant:
    return Instant()


@pytest.fixture
def cloud(google: GoogleCloud, clock: Instant) -> Cloud:
    credentials = service_account.Credentials.from_service_account_info(google.key(), scopes=SCOPES)
    api = GoogleApi.of(credentials, clock=clock)
    return Cloud(api, Buckets(api, PROJECT))


def done(wish: Wish, cloud: Cloud, clock: Instant) -> dict[str, str]:
    told: dict[str, str] = {}
    retry = Retry("google", Policy(attempts=4), clock, ignore)
    apply(plan(wish), cloud, retry, lambda step, outcome: told.update({step.title: outcome}))
    return told


def writes(google: GoogleCloud) -> int:
    reads = google.count("POST", "getIamPolicy") + google.count("POST", "oauth2")
    return google.count("POST") + google.count("PUT") + google.count("PATCH") - reads


def test_an_empty_project_becomes_one_that_can_be_pushed_to(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    google.enabled -= {"cloudresourcemanager"}
    told = done(Wish(HOME), cloud, clock)
    assert set(told.values()) == {"done"}
    assert google.enabled >= {"artifactregistry", "iam"}
    assert google.repositories[HOME.resource]["format"] == "DOCKER"
    assert google.holds(HOME.resource, WRITER) == {MEMBER}
    assert google.holds(f"projects/{PROJECT}", WRITER) == set()
    assert google.keys == []


def test_a_second_time_changes_nothing(google: GoogleCloud, cloud: Cloud, clock: Instant) -> None:
    wish = Wish(HOME, reader=True, keyless=Federation.of("gitlab", PROJECT, "acme", None))
    done(wish, cloud, clock)
    google.forget()
    told = done(wish, cloud, clock)
    assert set(told.values()) == {"there"}
    assert writes(google) == 0


def test_what_is_there_already_stays_as_it_is(google: GoogleCloud, cloud: Cloud, clock: Instant) -> None:
    google.repositories[HOME.resource] = {"name": HOME.resource, "format": "DOCKER", "description": "ours"}
    google.give(HOME.resource, "roles/artifactregistry.reader", "user:ann@example.com")
    night = {"title": "night", "expression": "request.time.getHours() < 6"}
    google.give(HOME.resource, WRITER, "user:bob@example.com", condition=night)
    done(Wish(HOME), cloud, clock)
    assert google.repositories[HOME.resource]["description"] == "ours"
    assert google.holds(HOME.resource, "roles/artifactregistry.reader") == {"user:ann@example.com"}
    assert google.holds(HOME.resource, WRITER) == {"user:bob@example.com", MEMBER}
    assert google.policies[HOME.resource]["version"] == 3


def test_an_operation_is_awaited(google: GoogleCloud, cloud: Cloud, clock: Instant) -> None:
    google.polls = 3
    done(Wish(HOME), cloud, clock)
    assert clock.waits.count(1.0) == 3 * 3


def test_a_policy_that_somebody_changed_meanwhile_is_read_and_written_again(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    google.races = 1
    done(Wish(HOME), cloud, clock)
    assert google.count("POST", "setIamPolicy", 409) == 1
    assert google.holds(HOME.resource, WRITER) == {MEMBER}


def test_an_account_that_is_not_known_everywhere_yet_is_granted_a_little_later(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    google.settling = 2
    done(Wish(HOME), cloud, clock)
    assert google.count("POST", "setIamPolicy", 400) == 2
    assert google.holds(HOME.resource, WRITER) == {MEMBER}


def test_a_change_that_never_shows_is_told(google: GoogleCloud, cloud: Cloud, clock: Instant) -> None:
    google.enabled |= {"artifactregistry", "iam"}
    google.polls = 0
    google.repositories = Forgetful()
    with pytest.raises(Unavailable, match=r"does not show yet that the repository .*/eu\.gcr\.io exists"):
        done(Wish(HOME), cloud, clock)


class Forgetful(dict[str, dict[str, object]]):
    """Keeps nothing."""

    def __setitem__(self, key: str, value: dict[str, object]) -> None:
        """Forget it."""


def test_a_federation_trusts_one_group_and_is_mended_when_it_trusts_more(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    federation = Federation.of("gitlab", PROJECT, "acme", None)
    done(Wish(HOME, keyless=federation), cloud, clock)
    path = f"projects/{PROJECT}/locations/global/workloadIdentityPools/gcr-mirror-gitlab/providers/gitlab"
    assert google.pools[path]["oidc"] == {
        "issuerUri": "https://gitlab.com/",
        "allowedAudiences": ["https://gitlab.com"],
    }
    pool = "iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/gcr-mirror-gitlab"
    assert google.holds(ACCOUNT, "roles/iam.workloadIdentityUser") == {f"principalSet://{pool}/*"}
    google.pools[path]["attributeCondition"] = "true"
    told = done(Wish(HOME, keyless=federation), cloud, clock)
    assert list(told.values()).count("done") == 1
    assert google.pools[path]["attributeCondition"] == federation.condition


def test_a_federation_that_was_deleted_comes_back(google: GoogleCloud, cloud: Cloud, clock: Instant) -> None:
    wish = Wish(HOME, keyless=Federation.of("github", PROJECT, "acme", None))
    done(wish, cloud, clock)
    for pool in google.pools.values():
        pool["state"] = "DELETED"
    told = done(wish, cloud, clock)
    assert list(told.values()).count("done") == 2
    assert {pool["state"] for pool in google.pools.values()} == {"ACTIVE"}


def test_what_a_person_asks_is_counted_for_the_project() -> None:
    person = Credentials("ya29.x")
    assert counted_for(PROJECT, person).quota_project_id == PROJECT
    assert counted_for(PROJECT, person.with_quota_project("ours")).quota_project_id == "ours"
    other = object()
    assert counted_for(PROJECT, other) is other


def test_gke_may_act_as_the_account(google: GoogleCloud, cloud: Cloud, clock: Instant) -> None:
    done(Wish(HOME, keyless="mirror/gcr-mirror"), cloud, clock)
    member = f"serviceAccount:{PROJECT}.svc.id.goog[mirror/gcr-mirror]"
    assert google.holds(ACCOUNT, "roles/iam.workloadIdentityUser") == {member}


def test_the_federations_login_impersonates_the_account_and_holds_no_secret() -> None:
    federation = Federation.of("gitlab", PROJECT, "acme", None)
    read = json.loads(federation.credentials("42", "m@shop.iam.gserviceaccount.com", "/run/token"))
    assert read["audience"] == (
        "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/gcr-mirror-gitlab"
        "/providers/gitlab"
    )
    assert read["service_account_impersonation_url"].endswith(
        "/m@shop.iam.gserviceaccount.com:generateAccessToken"
    )
    assert read["credential_source"] == {"file": "/run/token"}


def test_a_key_is_written_for_its_owner_only_and_made_once(
    google: GoogleCloud, cloud: Cloud, clock: Instant, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.json"
    wish = Wish(HOME, key_file=file)
    done(wish, cloud, clock)
    done(wish, cloud, clock)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = json.loads(file.read_text("utf-8"))
    assert key["client_email"] == MEMBER.removeprefix("serviceAccount:")
    assert google.keys == [key["private_key_id"]]
    assert "PRIVATE KEY" not in "".join(capfd.readouterr())


def test_a_forbidden_key_is_explained_and_leaves_no_file(
    google: GoogleCloud, cloud: Cloud, clock: Instant, tmp_path: Path
) -> None:
    google.keys_forbidden = True
    with pytest.raises(MirrorError) as refused:
        done(Wish(HOME, key_file=tmp_path / "key.json"), cloud, clock)
    explanation = explain(refused.value)
    assert explanation is not None
    assert explanation.key == "google-keys-forbidden"
    assert "--keyless gitlab" in explanation.fix
    assert not (tmp_path / "key.json").exists()
    assert google.count("POST", "/keys") == 1, "a refusal that stays is not asked for again"


def test_a_file_that_holds_something_else_is_never_overwritten(
    google: GoogleCloud, cloud: Cloud, clock: Instant, tmp_path: Path
) -> None:
    file = tmp_path / "key.json"
    file.write_text("my notes", "utf-8")
    with pytest.raises(ConfigError, match="holds something else"):
        done(Wish(HOME, key_file=file), cloud, clock)
    assert file.read_text("utf-8") == "my notes"
    assert google.keys == []


def test_an_old_bucket_gets_the_narrow_role_beside_its_conditions(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    google.buckets.create(BUCKET)
    night = {"title": "night", "expression": "request.time.getHours() < 6"}
    google.buckets.give(BUCKET, "roles/storage.objectViewer", "user:ann@example.com", condition=night)
    google.buckets.races = 1
    done(Wish(HOME, legacy_bucket=True), cloud, clock)
    assert google.buckets.holds(BUCKET, BUCKET_WRITER) == {MEMBER}
    assert google.buckets.holds(BUCKET, "roles/storage.objectViewer") == {"user:ann@example.com"}
    assert google.count("PUT", "/iam", 412) == 1, "another writer was faster once"
    assert google.buckets.holds(BUCKET, "roles/storage.admin") == set()
    assert done(Wish(HOME, legacy_bucket=True), cloud, clock)[
        f"{MEMBER} has {BUCKET_WRITER} on gs://{BUCKET}"
    ] == ("there")


def test_wider_rights_are_taken_away_and_others_keep_theirs(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    whole = f"projects/{PROJECT}"
    for member in (MEMBER, "user:ann@example.com"):
        google.give(whole, "roles/storage.admin", member)
        google.give(whole, "roles/editor", member)
    done(Wish(HOME, revoke_excess=True), cloud, clock)
    assert google.holds(whole, "roles/storage.admin") == {"user:ann@example.com"}
    assert google.holds(whole, "roles/editor") == {"user:ann@example.com"}
    assert google.holds(HOME.resource, WRITER) == {MEMBER}


def test_a_right_that_the_admin_lacks_is_named_and_nothing_after_it_is_tried(
    google: GoogleCloud, cloud: Cloud, clock: Instant
) -> None:
    google.denied = {"iam.serviceAccounts.create"}
    with pytest.raises(Denied, match=r"iam\.serviceAccounts\.create") as refused:
        done(Wish(HOME), cloud, clock)
    explanation = explain(refused.value)
    assert explanation is not None
    assert explanation.key == "google-set-up-denied"
    assert google.count("POST", "setIamPolicy") == 0


def test_a_key_that_google_does_not_know_is_no_login(google: GoogleCloud) -> None:
    key = {**google.key(), "token_uri": f"{google.url}/elsewhere"}
    credentials = service_account.Credentials.from_service_account_info(key, scopes=SCOPES)
    with pytest.raises(Unauthorized) as refused:
        GoogleApi.of(credentials).project_number(PROJECT)
    assert "PRIVATE KEY" not in str(refused.value)


def test_a_token_is_never_sent_to_another_machine_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://apis.example.com")
    with pytest.raises(ConfigError, match="https URL, or http on loopback"):
        GoogleApi.of(object())


@pytest.mark.parametrize(
    "wish",
    [
        Wish(HOME, reader=True, revoke_excess=True),
        Wish(HOME, keyless=Federation.of("gitlab", PROJECT, "acme/shop", "https://gitlab.acme.example")),
        Wish(HOME, keyless=Federation.of("github", PROJECT, "acme", None), login_file=Path("login.json")),
        Wish(HOME, keyless="mirror/gcr-mirror", legacy_bucket=True),
        Wish(
            HOME, key_file=Path("my key.json"), reader=True, reader_key_file=Path("reader.json"), prune=True
        ),
    ],
    ids=["reader", "gitlab", "github", "gke", "keys"],
)
def test_the_printed_commands_do_what_apply_does(
    wish: Wish,
    google: GoogleCloud,
    cloud: Cloud,
    clock: Instant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    google.buckets.create(BUCKET)
    google.give(f"projects/{PROJECT}", "roles/editor", MEMBER)
    gcloud = Gcloud(tmp_path, google)
    for step in plan(wish):
        gcloud.run(step.command)
    if wish.login_file:
        (tmp_path / "login.json").unlink()
    told = done(wish, cloud, clock)
    again = [title for title, outcome in told.items() if outcome == "done"]
    assert again == ([step.title for step in plan(wish)][-1:] if wish.login_file else [])


class TestCommand:
    """The same through the command line."""

    @pytest.fixture
    def login(self, google: GoogleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "admin.json"
        file.write_text(json.dumps(google.key()), "utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        monkeypatch.setattr(Clock, "wait", lambda *_: None)

    def test_without_apply_nothing_is_asked(
        self, google: GoogleCloud, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(SETUP) == 0
        said = capsys.readouterr().out
        assert "nothing has been done" in said
        assert "gcloud artifacts repositories create eu.gcr.io" in said
        assert google.requests == ()

    @pytest.mark.usefixtures("login")
    def test_apply_tells_each_step_and_what_to_write_down(
        self, google: GoogleCloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = str(tmp_path / "key.json")
        arguments = [*SETUP, "--apply", "--key-file", file]
        assert main(arguments) == 0
        said = capsys.readouterr().out
        assert f"done    a key of gcr-mirror@{PROJECT}.iam.gserviceaccount.com is in {file}" in said
        assert f"credentials: {{json_key_file: {file}}}" in said
        assert "PRIVATE KEY" not in said
        assert main(arguments) == 0
        assert "done " not in capsys.readouterr().out
        assert google.holds(HOME.resource, WRITER) == {MEMBER}

    @pytest.mark.usefixtures("login")
    def test_the_step_that_failed_is_named_before_the_reason(
        self, google: GoogleCloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        google.keys_forbidden = True
        file = str(tmp_path / "key.json")
        arguments = [*SETUP, "--apply", "--key-file", file]
        with pytest.raises(MirrorError) as raised:
            main(arguments)
        assert capsys.readouterr().out.splitlines()[-1] == (
            f"failed  a key of gcr-mirror@{PROJECT}.iam.gserviceaccount.com is in {file} (mode 0600)"
        )
        explanation = explain(raised.value)
        assert explanation is not None
        assert f"--project {PROJECT}" in explanation.fix

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (["--namespace", "acme"], "belong to --keyless"),
            (["--keyless", "gke", "--issuer", "https://gitlab.example"], "belong to --keyless"),
            (["--repository", "images"], "leave --repository out"),
        ],
    )
    def test_an_option_that_would_do_nothing_is_refused(self, options: list[str], says: str) -> None:
        with pytest.raises(ConfigError, match=says):
            main(["setup", "google", "--project", PROJECT, "--host", "gcr.io", *options])

    def test_a_federation_open_to_everybody_is_refused(self) -> None:
        arguments = ["setup", "google", "--project", PROJECT, "--host", "gcr.io", "--keyless", "gitlab"]
        with pytest.raises(ConfigError, match="everybody"):
            main(arguments)

    @pytest.mark.usefixtures("google")
    def test_without_a_login_it_says_how_to_get_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        arguments = ["setup", "google", "--project", PROJECT, "--host", "gcr.io", "--apply"]
        with pytest.raises(ConfigError, match="gcloud auth application-default login"):
            main(arguments)
