"""IAM policies are changed by one binding, and nothing else of them is."""

from __future__ import annotations

from mirror.checks.policy import granted, has, revoked, roles_of

ANN = "serviceAccount:ann@shop.iam.gserviceaccount.com"
BOB = "serviceAccount:bob@shop.iam.gserviceaccount.com"
NIGHT = {"title": "at night", "expression": "request.time.getHours() < 6"}
POLICY = {
    "version": 3,
    "etag": "BwX",
    "bindings": [
        {"role": "roles/viewer", "members": [BOB]},
        {"role": "roles/viewer", "members": [ANN], "condition": NIGHT},
        {"role": "roles/owner", "members": [ANN]},
    ],
}


def test_a_conditional_role_is_not_held_but_known() -> None:
    assert not has(POLICY, "roles/viewer", ANN)
    assert has(POLICY, "roles/viewer", BOB)
    assert roles_of(POLICY, ANN) == {"roles/viewer", "roles/owner"}


def test_a_grant_joins_the_unconditional_binding_and_keeps_etag_and_conditions() -> None:
    changed = granted(POLICY, "roles/viewer", ANN)
    assert changed["etag"] == "BwX"
    assert changed["version"] == 3
    assert changed["bindings"] == [
        {"role": "roles/viewer", "members": [ANN, BOB]},
        *POLICY["bindings"][1:],
    ]


def test_a_grant_of_a_role_that_nobody_has_adds_a_binding() -> None:
    changed = granted({"etag": "a"}, "roles/viewer", ANN)
    assert changed == {
        "etag": "a",
        "version": 3,
        "bindings": [{"role": "roles/viewer", "members": [ANN]}],
    }


def test_a_revocation_takes_conditional_grants_too_and_leaves_the_others() -> None:
    changed = revoked(POLICY, "roles/viewer", ANN)
    assert changed["bindings"] == [POLICY["bindings"][0], POLICY["bindings"][2]]
    assert roles_of(changed, BOB) == {"roles/viewer"}


def test_the_policy_that_was_read_is_not_changed() -> None:
    granted(POLICY, "roles/viewer", ANN)
    revoked(POLICY, "roles/owner", ANN)
    assert len(POLICY["bindings"]) == 3
    assert POLICY["bindings"][0]["members"] == [BOB]
