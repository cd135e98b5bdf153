"""The key in every form, and that no form of it can be read in the log of a job."""

from __future__ import annotations

import base64
import json

import pytest

from tests.acceptance.ci_templates.consumer import Consumer, dumped
from tests.acceptance.ci_templates.traces import pieces, private_parts, traces
from tests.servers.pair import Pair
from tests.servers.registry import Registries
from tests.servers.seed import Seed


def forms(pair: Pair) -> dict[str, str]:
    """The same key as people store it. GitLab makes a File variable of a path."""
    encoded = base64.b64encode(pair.key_text.encode()).decode()
    encoded_file = pair.key_file.with_suffix(".base64")
    encoded_file.write_text("\n".join(pieces(encoded + " " * 40)).strip())
    return {
        "file": str(pair.key_file),
        "text": pair.key_text,
        "text in one line": json.dumps(pair.key),
        "base64": encoded,
        "file of base64 lines": str(encoded_file),
    }


@pytest.mark.parametrize("form", ["file", "text", "text in one line", "base64", "file of base64 lines"])
def test_the_key_is_taken_in_any_form_and_shown_in_none(consumer: Consumer, pair: Pair, form: str) -> None:
    consumer.variables["GCP_SA_KEY"] = forms(pair)[form]
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") == pair.digest_at_gitlab("main") is not None
    assert traces(private_parts(pair), pipeline.output) == []


def test_the_search_for_traces_finds_a_key_in_any_form(pair: Pair) -> None:
    for form, text in forms(pair).items():
        assert bool(traces(private_parts(pair) + "\n" + pair.key_text, text)) == ("file" not in form)


@pytest.mark.parametrize("form", ["text", "base64"])
def test_a_shell_that_traces_shows_no_key(consumer: Consumer, pair: Pair, form: str) -> None:
    """As with CI_DEBUG_TRACE, or a `set -x` in a before_script."""
    consumer.variables["GCP_SA_KEY"] = forms(pair)[form]
    consumer.text += dumped({"default": {"before_script": ["set -x"]}})
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "PASS"}
    assert "+ set +x" in pipeline.output
    assert traces(private_parts(pair), pipeline.output) == []


def test_another_variable_may_hold_the_key(consumer: Consumer, pair: Pair) -> None:
    consumer.variables["ARTIFACT_REGISTRY_KEY"] = consumer.variables.pop("GCP_SA_KEY")
    consumer.text = consumer.including(key_variable="ARTIFACT_REGISTRY_KEY")
    assert consumer.run().jobs == {"dual-push": "PASS"}


def test_a_key_that_google_does_not_know_is_told_from_a_registry_that_is_down(
    consumer: Consumer, pair: Pair
) -> None:
    # Alike in more than the 72 characters that bcrypt compares.
    other = pair.key["private_key"].translate(str.maketrans("abcxyz", "xyzabc"))
    key = json.dumps({**pair.key, "private_key": other})
    assert key[:72] == json.dumps(pair.key)[:72]
    consumer.variables["GCP_SA_KEY"] = key
    consumer.text = consumer.including(push_attempts=5)
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "FAIL 1"}
    assert pair.digest_at_gitlab("main") is not None
    summary = consumer.summary()
    assert f"refuses the login of {pair.key['client_email']}" in summary
    assert "was the key deleted" in summary
    assert "attempt 1 of 5" not in pipeline.output, "what cannot pass is not repeated"
    assert traces(private_parts(pair) + other, pipeline.output) == []


def test_a_key_damaged_on_the_way_is_named_so(consumer: Consumer, pair: Pair) -> None:
    """What is written as backslash and n became a line break, as `echo` makes it: no JSON any more."""
    consumer.variables["GCP_SA_KEY"] = pair.key_text.replace("\\n", "\n")
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "FAIL 1"}
    assert "Google cannot read the key in GCP_SA_KEY" in consumer.summary()
    assert traces(private_parts(pair), pipeline.output) == []


@pytest.mark.parametrize("value", [None, "", "/no/such/file", "AIzaSyA-api-key-and-no-json"])
def test_a_key_that_is_none_ends_the_job_before_the_build(consumer: Consumer, value: str | None) -> None:
    if value is None:
        del consumer.variables["GCP_SA_KEY"]
    else:
        consumer.variables["GCP_SA_KEY"] = value
    pipeline = consumer.run()
    assert pipeline.jobs == {"dual-push": "FAIL 2"}
    assert "the variable GCP_SA_KEY" in consumer.summary()
    assert "FROM scratch" not in pipeline.output
    assert consumer.handed_on()["DUAL_PUSH_STATUS"] == "failed"
    assert traces(str(value) * 3, pipeline.output) == []


def test_a_credential_helper_is_asked_for_base_images_and_is_not_in_the_way_of_the_push(
    consumer: Consumer, pair: Pair, registries: Registries
) -> None:
    """Where `gcloud auth configure-docker` was run, `docker login` hands the key to gcloud, which forgets it."""
    elsewhere = registries(users={"ann": "secret"})
    Seed(elsewhere.url, "base", auth=("ann", "secret")).image("1")
    consumer.file("Dockerfile", f"FROM {elsewhere.host}/base:1\nCOPY greeting /\n")
    helpers = {pair.google_image.split("/")[0]: "gcloud", elsewhere.host: "gcloud"}
    consumer.file("../home/.docker/config.json", json.dumps({"credHelpers": helpers}))
    helper = consumer.home / "bin" / "docker-credential-gcloud"
    helper.parent.mkdir()
    login = json.dumps({"ServerURL": elsewhere.host, "Username": "ann", "Secret": "secret"})
    lines = [
        "#!/bin/sh",
        "read -r host",
        "[ $1 != store ] || exit 0",
        f"[ $host != {elsewhere.host} ] || {{ echo '{login}'; exit; }}",
        "echo 'credentials not found in native keychain'; exit 1",  # the words that Docker's client knows
    ]
    helper.write_text("\n".join(lines))
    helper.chmod(0o755)
    consumer.env["PATH"] = f"{helper.parent}:{consumer.env['PATH']}"
    assert consumer.run().jobs == {"dual-push": "PASS"}
    after = json.loads((consumer.home / ".docker/config.json").read_text())
    assert after == {"credHelpers": helpers}, "a login of ours is left nowhere"


def test_logins_that_are_there_serve_for_base_images(
    consumer: Consumer, pair: Pair, registries: Registries
) -> None:
    elsewhere = registries(users={"ann": "secret"})
    Seed(elsewhere.url, "base", auth=("ann", "secret")).image("1")
    consumer.file("Dockerfile", f"FROM {elsewhere.host}/base:1\nCOPY greeting /\n")
    auth = {"auth": base64.b64encode(b"ann:secret").decode()}
    consumer.variables["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {elsewhere.host: auth}})
    assert consumer.run().jobs == {"dual-push": "PASS"}
    assert pair.digest_at_google("main") is not None
