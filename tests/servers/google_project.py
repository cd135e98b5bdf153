"""A Google project at the stand-in of Google's APIs: a repository for eu.gcr.io, and an account that may push to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mirror.registries.artifact_registry import Home
from mirror.registries.denials import placeholders
from tests.servers.google_cloud import GoogleCloud, keep_on_loopback

PROJECT = "arctic-goal-676703"
HOME = Home.of("eu.gcr.io", PROJECT)
EMAIL = f"mirror@{PROJECT}.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{EMAIL}"
PATH = f"{PROJECT}/gitlab/acme/api"
KNOWN = placeholders(HOME)
UPLOAD, DELETE = (
    "artifactregistry.repositories.uploadArtifacts",
    "artifactregistry.repositories.deleteArtifacts",
)
# What an account without any role on the project may not do there.
_PROJECT_WIDE = (
    "resourcemanager.projects.setIamPolicy",
    "pubsub.topics.create",
    "storage.buckets.delete",
    "storage.objects.delete",
    "artifactregistry.repositories.delete",
    "artifactregistry.repositories.createOnPush",
)


@contextmanager
def google_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    """The stand-in, its APIs turned on, with the repository; everything that goes to Google goes there."""
    with GoogleCloud(denied=[DELETE, *_PROJECT_WIDE]) as cloud:
        keep_on_loopback(monkeypatch, cloud)
        cloud.enabled |= {"artifactregistry", "iam"}
        cloud.repositories[HOME.resource] = {"name": HOME.resource, "format": "DOCKER"}
        yield cloud
