"""IAM policies as values: who has which role, with or without one binding more; conditions stay untouched."""

from __future__ import annotations

from typing import Any

Policy = dict[str, Any]

# Policies with conditional bindings are only read and written whole at version 3.
# https://cloud.google.com/iam/docs/policies#versions
VERSION = 3


def has(policy: Policy, role: str, member: str) -> bool:
    """Whether `member` holds `role` without a condition."""
    return any(member in binding.get("members", ()) for binding in _bindings(policy, role))


def roles_of(policy: Policy, member: str) -> frozenset[str]:
    """Every role that `member` holds, conditional ones included."""
    return frozenset(
        binding["role"] for binding in policy.get("bindings") or () if member in binding.get("members", ())
    )


def granted(policy: Policy, role: str, member: str) -> Policy:
    """The policy with the role; the etag stays, so that Google refuses it if another writer was faster."""
    bindings = [dict(binding) for binding in policy.get("bindings") or ()]
    for binding in bindings:
        if binding["role"] == role and not binding.get("condition"):
            binding["members"] = sorted({*binding.get("members", ()), member})
            break
    else:
        bindings.append({"role": role, "members": [member]})
    return {**policy, "version": VERSION, "bindings": bindings}


def revoked(policy: Policy, role: str, member: str) -> Policy:
    """The policy without the role for the member, conditional bindings included; empty bindings go."""
    bindings = []
    for binding in policy.get("bindings") or ():
        members = [one for one in binding.get("members", ()) if binding["role"] != role or one != member]
        if members:
            bindings.append({**binding, "members": members})
    return {**policy, "version": VERSION, "bindings": bindings}


def _bindings(policy: Policy, role: str) -> list[dict[str, Any]]:
    return [
        binding
        for binding in policy.get("bindings") or ()
        if binding["role"] == role and not binding.get("condition")
    ]
