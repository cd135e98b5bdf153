"""Roles: what the mirror needs at Google, and what is more than it needs."""

from __future__ import annotations

from collections.abc import Container

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

# What a login may do in a whole project reveals its role there, also to those who may not read the policy.
REVEALING: dict[str, str] = {
    "resourcemanager.projects.setIamPolicy": "roles/owner",
    "pubsub.topics.create": "roles/editor",
    "storage.buckets.delete": "roles/storage.admin",
    "storage.objects.delete": "roles/storage.objectAdmin",
    "artifactregistry.repositories.delete": "roles/artifactregistry.admin",
    "artifactregistry.repositories.deleteArtifacts": REPO_ADMIN,
    "artifactregistry.repositories.uploadArtifacts": WRITER,
}
# Roles whose rights come with a wider one: to whom that is told, these need not be.
_WITHIN: dict[str, set[str]] = {
    "roles/owner": set(EXCESSIVE),
    "roles/editor": set(EXCESSIVE) - {"roles/owner"},
    "roles/storage.admin": {"roles/storage.objectAdmin"},
    "roles/artifactregistry.admin": {REPO_ADMIN, WRITER},
    REPO_ADMIN: {WRITER},
}


def revealed(rights: Container[str]) -> list[str]:
    """The roles on a project that `rights` there come from, as far as they can be told: none that a wider one holds."""
    roles = [role for right, role in REVEALING.items() if right in rights]
    return [role for role in roles if not any(role in _WITHIN.get(one, ()) for one in roles if one != role)]
