"""Manifests and what they are made of: read, never rewritten."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.demo import images
from mirror.errors import InvalidManifest
from mirror.oci.descriptor import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor, Platform
from mirror.oci.digest import Digest
from mirror.oci.manifest import MAX_SIZE, Manifest
from mirror.oci.referrers import fallback_tag, merged

DIGEST = "sha256:" + "a" * 64
LAYER = {"mediaType": "layer", "digest": DIGEST, "size": 5}


def parsed(document: Any, media_type: str = "") -> Manifest:
    return Manifest.parse(json.dumps(document).encode(), media_type)


class TestReading:
    @pytest.mark.parametrize("image", [images.image("a"), images.odd(images.multi_platform("b"))])
    def test_the_bytes_are_kept_and_name_themselves(self, image: images.Image) -> None:
        manifest = Manifest.parse(image.raw, image.media_type)
        assert manifest.raw == image.raw
        assert manifest.digest == Digest.of(image.raw)

    @pytest.mark.parametrize(
        ("stated", "header", "found"),
        [
            (OCI_MANIFEST, "", OCI_MANIFEST),
            (OCI_INDEX, OCI_MANIFEST, OCI_INDEX),
            (None, DOCKER_MANIFEST, DOCKER_MANIFEST),
            (None, f"{OCI_MANIFEST}; charset=utf-8", OCI_MANIFEST),
            (None, "", OCI_MANIFEST),
        ],
    )
    def test_the_document_wins_over_the_header(self, stated: str | None, header: str, found: str) -> None:
        document = {"schemaVersion": 2} | ({"mediaType": stated} if stated else {})
        document |= {"manifests": []} if found == OCI_INDEX else {}
        assert parsed(document, header).media_type == found

    def test_an_index_that_does_not_say_so_is_known_by_its_children(self) -> None:
        assert parsed({"schemaVersion": 2, "manifests": []}).media_type == OCI_INDEX

    @pytest.mark.parametrize(
        ("document", "said"),
        [
            ([], "not a JSON object"),
            ({"schemaVersion": 1}, "schema 1"),
            ({"mediaType": "text/html"}, "not the media type"),
            ({"mediaType": 5}, "not the media type"),
            ({"layers": 5}, "layers is not a list"),
            ({"manifests": {}}, "not a list"),
            ({"layers": [5]}, "not an object"),
            ({"layers": [{**LAYER, "digest": "md5:x"}]}, "not a digest"),
            ({"layers": [{**LAYER, "digest": DIGEST.upper()}]}, "not a digest"),
            ({"layers": [{**LAYER, "size": -1}]}, "size"),
            ({"layers": [{**LAYER, "size": "5"}]}, "size"),
            ({"layers": [{**LAYER, "size": True}]}, "size"),
            ({"layers": [{"digest": DIGEST}]}, "size"),
            ({"config": []}, "not an object"),
        ],
    )
    def test_what_cannot_be_copied_is_refused_with_the_reason(self, document: Any, said: str) -> None:
        with pytest.raises(InvalidManifest, match=said):
            parsed(document)

    @pytest.mark.parametrize("subject", [None, 5, [], {"digest": "x"}, {}])
    def test_a_subject_that_cannot_be_read_is_none(self, subject: Any) -> None:
        assert parsed({"schemaVersion": 2, "layers": [], "subject": subject}).subject is None

    def test_a_subject_is_the_digest_that_it_names(self) -> None:
        assert parsed({"schemaVersion": 2, "layers": [], "subject": LAYER}).subject == DIGEST

    def test_what_is_too_large_is_refused(self) -> None:
        with pytest.raises(InvalidManifest, match="4,194,304"):
            Manifest.parse(b" " * (MAX_SIZE + 1))

    @given(st.binary(max_size=100))
    def test_no_bytes_are_too_odd(self, raw: bytes) -> None:
        with pytest.raises(InvalidManifest):
            Manifest.parse(b"\x00" + raw)

    @given(
        st.dictionaries(
            st.sampled_from(
                ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations"]
            ),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
                ),
            ),
        )
    )
    def test_no_document_is_too_odd(self, document: Any) -> None:
        try:
            manifest = parsed(document)
        except InvalidManifest:
            return
        assert manifest.descriptor.size == len(manifest.raw)
        assert isinstance(manifest.annotations, dict)

    def test_a_child_that_is_listed_twice_is_one(self) -> None:
        assert len(parsed({"layers": [LAYER, LAYER]}).blobs) == 1

    def test_what_an_index_lists_beside_manifests_are_blobs(self) -> None:
        manifest = parsed(
            {"manifests": [LAYER, {**LAYER, "digest": DIGEST[:-1] + "b", "mediaType": OCI_MANIFEST}]}
        )
        assert (len(manifest.manifests), len(manifest.blobs)) == (1, 1)

    @pytest.mark.parametrize(
        ("media_type", "expected"),
        [
            ("application/vnd.oci.image.layer.v1.tar+gzip", True),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", False),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", False),
            ("", True),
        ],
    )
    def test_layers_that_may_not_be_distributed_are_known(self, media_type: str, expected: bool) -> None:
        assert Descriptor(media_type, Digest(DIGEST), 1).is_distributable is expected


class TestPlatforms:
    AMD64, ARM = Platform("linux", "amd64"), Platform("linux", "arm")

    def test_only_the_wanted_ones_stay_in_their_order_with_all_their_fields(self) -> None:
        index = images.odd(images.multi_platform("many")).manifest
        kept = index.for_platforms((self.ARM, self.AMD64))
        assert [str(child.platform) for child in kept.manifests] == ["linux/amd64", "linux/arm/v7"]
        assert kept.document["x-unknown"] == index.document["x-unknown"]
        assert kept.digest == Digest.of(kept.raw) != index.digest
        assert kept.media_type == index.media_type

    def test_the_same_index_and_filter_give_the_same_digest(self) -> None:
        index = images.multi_platform("many").manifest
        assert index.for_platforms((self.AMD64,)).digest == index.for_platforms((self.AMD64,)).digest

    def test_an_attestation_stays_with_its_image(self) -> None:
        amd64, arm64 = (images.image(name, platform=name) for name in ("linux/amd64", "linux/arm64"))
        index = images.index([amd64, images.attested(amd64), arm64, images.attested(arm64)]).manifest
        kept = index.for_platforms((self.AMD64,))
        assert [child.digest for child in kept.manifests] == [amd64.digest, images.attested(amd64).digest]

    def test_nothing_left_is_an_error_that_names_what_there_is(self) -> None:
        with pytest.raises(InvalidManifest, match=r"windows/amd64.*linux/s390x"):
            images.multi_platform("many").manifest.for_platforms((Platform("windows", "amd64"),))

    @pytest.mark.parametrize(
        ("there", "wanted", "fits"),
        [
            ("linux/arm/v7", "linux/arm", True),
            ("linux/arm/v7", "linux/arm/v7", True),
            ("linux/arm/v7", "linux/arm/v6", False),
            ("linux/arm", "linux/arm/v7", False),
            ("linux/amd64", "windows/amd64", False),
        ],
    )
    def test_a_wish_without_variant_takes_any(self, there: str, wanted: str, fits: bool) -> None:
        assert Platform.parse(there).satisfies(Platform.parse(wanted)) is fits

    @pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "a//b"])
    def test_what_is_no_platform_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not os/architecture"):
            Platform.parse(text)


class TestDigests:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "sha256:",
            "sha256:" + "a" * 63,
            "sha256:" + "A" * 64,
            "sha1:" + "a" * 40,
            f"{DIGEST}\n",
            " " + DIGEST,
        ],
    )
    def test_what_is_no_digest_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidManifest):
            Digest.parse(text)

    @given(st.binary(), st.sampled_from(["sha256", "sha512"]))
    def test_a_digest_names_its_bytes_and_no_others(self, data: bytes, algorithm: str) -> None:
        digest = Digest.parse(Digest.of(data, algorithm))
        assert digest.matches(data)
        assert not digest.matches(data + b"x")


FIRST, SECOND = (images.artifact(images.image("one"), seed).manifest for seed in ("first", "second"))


class TestFallbackIndex:
    def test_the_tag_is_made_of_the_subject(self) -> None:
        assert fallback_tag(Digest(DIGEST)) == "sha256-" + "a" * 64

    def test_it_says_of_each_what_the_api_would(self) -> None:
        index = merged(None, [FIRST])
        assert index
        (entry,) = index.document["manifests"]
        assert entry == {
            "mediaType": OCI_MANIFEST,
            "digest": FIRST.digest,
            "size": len(FIRST.raw),
            "artifactType": images.COSIGN,
            "annotations": FIRST.annotations,
        }
        assert (index.media_type, index.document["schemaVersion"]) == (OCI_INDEX, 2)

    def test_nothing_new_is_nothing_to_write(self) -> None:
        index = merged(None, [FIRST, SECOND])
        assert merged(index, [SECOND, FIRST]) is None

    def test_what_was_there_stays_as_it_was(self) -> None:
        odd = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 1, "x-unknown": [1]}
        existing = parsed({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [odd], "x-top": {"a": 1}})
        index = merged(existing, [FIRST])
        assert index
        assert index.document["manifests"][0] == odd
        assert index.document["x-top"] == {"a": 1}
        assert len(index.document["manifests"]) == 2

    def test_an_index_of_dockers_kind_is_no_obstacle(self) -> None:
        existing = parsed({"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": []})
        assert merged(existing, [FIRST])
