"""Standings for tests: a mirror in step, and the hour when GitLab is down."""

from __future__ import annotations

from dataclasses import replace

from mirror.service.standing import Mirror, Registry, Standing, Trouble
from mirror.state.records import Key, PassRecord, TagRecord

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
DOWN_SINCE = NOW - 680  # 14:02:00
GITLAB = Registry("registry.gitlab.com", "gitlab", contacted=True)
GOOGLE = Registry("eu.gcr.io", "google", credential_expiry=NOW + 40 * 86400, contacted=True)


def record(number: int, *, missing: bool = False, repository: str = "acme/shop/api") -> TagRecord:
    digest = "sha256:" + f"{number:064x}"
    return TagRecord(
        Key("shop", repository, f"1.{number}"),
        target=f"eu.gcr.io/arctic-goal-676703/{repository}",
        source_digest=digest,
        target_digest=None if missing else digest,
        published=NOW - 1200,
        first_seen=NOW - 1000,
    )


BEHIND = (
    replace(record(1205, missing=True), reason="unreachable", message="registry.gitlab.com does not answer"),
    record(1206, missing=True),
    record(1207, missing=True, repository="acme/shop/web"),
)
RECORDS = tuple(record(number) for number in range(1, 1205)) + BEHIND
PASSES = (
    PassRecord("shop", NOW - 700, NOW - 690, "partial", 4, 1207, 2, 1202, 3, 31_457_280),
    PassRecord("shop", NOW - 1000, NOW - 980, "ok", 4, 1204, 0, 1204, 0, 0),
)
SHOP = Mirror(
    "shop",
    "registry.gitlab.com",
    "eu.gcr.io",
    tags={"in_sync": 1207, "pending": 0, "failed": 0, "dead": 0},
    next_pass=NOW + 200,
    last_success=NOW - 690,
    passes=PASSES,
)
IN_STEP = Standing(now=NOW, started=NOW - 90_000, registries=(GITLAB, GOOGLE), mirrors=(SHOP,))
OUTAGE = replace(
    IN_STEP,
    registries=(
        replace(GITLAB, trouble=Trouble(DOWN_SINCE, "unreachable", "the connection is refused")),
        GOOGLE,
    ),
    mirrors=(
        replace(
            SHOP,
            tags={"in_sync": 1204, "pending": 2, "failed": 1, "dead": 0},
            lag=1200.0,
            frozen=Trouble(DOWN_SINCE, "source_down", "the source registry is down"),
        ),
    ),
    behind=BEHIND,
)
