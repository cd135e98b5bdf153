"""Roles: what the mirror needs at Google, and what is more than it needs."""

from __future__ import annotations

WRITER = "roles/artifactregistry.writer"
READER = "roles/artifactregistry.reader"
REPO_ADMIN = "roles/artifactregistry.repoAdmin"

# Roles on a whole project that are warned about, each with the reason.
EXCESSIVE: dict[str, str] = {
    "roles/owner": "it may do everything in the project, hand out rights included",
    "roles/editor": "it may change nearly everything in the project",
    "roles/storage.admin": "it may read, change and delete every bucket, and no push needs it any more",
    "roles/storage.objectAdmin": "it may read, change and delete every object, and no push needs it any more",
    "roles/artifactregistry.admin": "it may change and delete every repository of the project",
    REPO_ADMIN: "it may delete images in every repository of the project",
    WRITER: "it may push to every repository of the project, not only to the mirror's",
}

# What a login may do in a whole project reveals its role there, also to those who may not read the policy. The widest
# come first, since each has the rights of many that follow.
REVEALING: dict[str, str] = {
    "resourcemanager.projects.setIamPolicy": "roles/owner",
    "pubsub.topics.create": "roles/editor",
    "storage.buckets.delete": "roles/storage.admin",
    "artifactregistry.repositories.delete": "roles/artifactregistry.admin",
    "artifactregistry.repositories.deleteArtifacts": REPO_ADMIN,
    "artifactregistry.repositories.uploadArtifacts": WRITER,
}
