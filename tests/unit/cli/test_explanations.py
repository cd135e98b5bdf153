"""A failure that is known is explained below its line, once."""

from __future__ import annotations

from mirror.cli.explanations import Explanations
from mirror.cli.progress import line
from mirror.events import Event, Failed, Kept

DENIED = (
    "POST https://eu.gcr.io/v2/shop/gitlab/acme/api/blobs/uploads/: 403 DENIED gcr.io repo does not exist. "
    "Creating on push requires the artifactregistry.repositories.createOnPush permission"
)


def failed(message: str, tag: str = "1", reference: str = "eu.gcr.io/shop/gitlab/acme/api:1") -> Failed:
    return Failed("shop", "acme/api", tag, reference, "denied", message, temporary=False)


def shown(explanations: Explanations, event: Event) -> list[str]:
    return (explanations.after(event, line(event)) or "").splitlines()


def test_cause_and_fix_stand_below_the_failure_with_the_readers_own_names() -> None:
    first, cause, fix = shown(Explanations(), failed(DENIED))
    assert first.startswith("failed  eu.gcr.io/shop/gitlab/acme/api:1: POST")
    assert cause.strip().startswith("cause: The repository behind eu.gcr.io does not exist yet")
    assert fix.strip() == (
        "fix:   gcloud artifacts repositories create eu.gcr.io --repository-format=docker --location=europe "
        "--project=shop"
    )


def test_a_thousand_images_with_one_cause_are_explained_once() -> None:
    explanations = Explanations()
    lengths = [len(shown(explanations, failed(DENIED, str(tag)))) for tag in range(3)]
    assert lengths == [3, 1, 1]


def test_a_status_that_tells_the_cause_is_read_from_the_text() -> None:
    banned = failed("GET https://gitlab.com/jwt/auth: 403", reference="registry.gitlab.com/acme/api:1")
    assert "banned this address" in shown(Explanations(), banned)[1]


def test_what_is_not_known_or_no_failure_stays_as_it_is() -> None:
    assert len(shown(Explanations(), failed("it rains"))) == 1
    kept = Kept("shop", "acme/api", "1", "eu.gcr.io/shop/acme/api:1", "sha256:" + "0" * 64)
    assert shown(Explanations(), kept) == [line(kept)]
    assert Explanations().after(kept, None) is None
