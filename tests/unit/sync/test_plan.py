"""Plan: what is wanted, compared with what is there."""

from __future__ import annotations

from mirror.oci.content import Listing
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.tag import Tag
from mirror.sync.plan import Copy, Placement, Rule, plan

OLD, NEW, SIGNATURE = (Digest.of(text) for text in (b"old", b"new", b"signature"))


def there(**tags: Digest | None) -> Listing:
    return Listing({name: Tag(name, digest) for name, digest in tags.items()})


def test_a_tag_that_the_target_lacks_is_copied() -> None:
    made = plan([Tag("v1", NEW)], there(), Rule())
    assert made.copies == (Copy(NEW, (Placement("v1"),)),)


def test_a_tag_with_the_same_digest_is_unchanged() -> None:
    made = plan([Tag("v1", NEW)], there(v1=NEW), Rule())
    assert (made.copies, made.unchanged) == ((), {"v1": NEW})


def test_tags_of_one_digest_are_one_copy() -> None:
    made = plan([Tag("v1", NEW), Tag("latest", NEW)], there(), Rule())
    assert made.copies == (Copy(NEW, (Placement("v1"), Placement("latest"))),)


def test_a_moved_tag_is_overwritten_and_knows_what_it_was() -> None:
    made = plan([Tag("v1", NEW)], there(v1=OLD), Rule())
    assert made.copies == (Copy(NEW, (Placement("v1", OLD),)),)


def test_a_moved_tag_is_kept_when_the_rule_says_so() -> None:
    made = plan([Tag("v1", NEW)], there(v1=OLD), Rule(on_moved_tag="keep"))
    assert (made.copies, made.kept) == ((), (Tag("v1", NEW),))


def test_a_target_tag_of_unknown_digest_is_written_again() -> None:
    assert plan([Tag("v1", NEW)], there(v1=None), Rule(on_moved_tag="keep")).copies


def test_the_order_of_what_is_wanted_stays() -> None:
    made = plan([Tag("b", NEW), Tag("a", OLD)], there(), Rule())
    assert [copy.root for copy in made.copies] == [NEW, OLD]


def test_an_unchanged_image_with_a_new_signature_needs_only_the_signature() -> None:
    tag = Tag("v1", NEW, referrers=(Descriptor("", SIGNATURE, 0),))
    assert plan([tag], there(v1=NEW), Rule()).copies == (Copy(NEW, (), (SIGNATURE,)),)
    assert plan([tag], there(v1=NEW), Rule(), attached=frozenset({SIGNATURE})).copies == ()
    assert plan([tag], there(v1=NEW), Rule(referrers=False)).copies == ()


def test_a_rewritten_index_is_compared_with_what_it_becomes() -> None:
    made = plan([Tag("v1", NEW)], there(v1=OLD), Rule(), expected={NEW: OLD})
    assert made.unchanged == {"v1": OLD}


def test_a_backup_is_named_for_the_tag_and_its_old_digest_and_fits() -> None:
    assert Placement("1.0", OLD).backup == f"1.0-before-{OLD.short}"
    assert Placement("1.0").backup is None
    longest = Placement("x" * 128, OLD).backup
    assert longest is not None
    assert len(longest) == 128
