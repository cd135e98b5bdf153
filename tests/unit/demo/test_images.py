"""Images from seeds are valid, and the same seed makes the same image."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from mirror.demo import images, layers
from mirror.demo.images import Image
from mirror.demo.samples import fill, samples
from mirror.demo.storage import Storage
from mirror.oci.descriptor import OCI_LAYER
from mirror.oci.digest import Digest


def test_a_seed_decides_the_digest() -> None:
    assert images.image("a").digest == images.image("a").digest
    assert images.image("a").digest != images.image("b").digest


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("size", [0, 700, 1_500_000])
def test_a_layer_is_a_tar_with_one_file(compression: layers.Compression, size: int) -> None:
    layer = layers.layer("seed", size, compression)
    data = b"".join(layer.chunks())
    assert (layer.digest, layer.size) == (Digest.of(data), len(data))
    unpack = {"gzip": gzip.decompress, "zstd": _unzstd, "none": bytes}[compression]
    tar = unpack(data)
    assert layer.diff_id == Digest.of(tar)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert [member.size for member in archive.getmembers()] == [size]


def test_a_config_lists_its_layers_before_compression() -> None:
    made = [layers.layer("one"), layers.layer("two", compression="zstd")]
    image = images.image("seed", made, platform="linux/arm/v7")
    config = json.loads(b"".join(image.blobs[0].chunks()))
    assert config["rootfs"]["diff_ids"] == [layer.diff_id for layer in made]
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm", "v7")


def test_an_index_names_four_platforms_that_share_a_layer() -> None:
    index = images.multi_platform("seed")
    platforms = [str(child.platform) for child in index.manifest.manifests]
    assert platforms == list(images.PLATFORMS)
    lowest = [child.blobs[1].digest for child in index.children]
    assert len(lowest) == 4
    assert len(set(lowest)) == 1


def test_an_artifact_has_an_empty_config_and_a_subject() -> None:
    image = images.signed(images.image("seed"), "one", "two")
    assert [one.manifest.subject for one in image.referrers] == [image.digest] * 2
    assert b"".join(image.referrers[0].blobs[0].chunks()) == b"{}"
    assert image.referrers[0].digest != image.referrers[1].digest


def test_the_fallback_tag_lists_the_referrers_with_their_type() -> None:
    image = images.signed(images.image("seed"))
    tag, index = images.fallback(image)
    assert tag == image.digest.replace(":", "-")
    [listed] = index.manifest.manifests
    assert (listed.digest, listed.artifact_type) == (image.referrers[0].digest, images.COSIGN)
    assert listed.annotations


def test_an_older_cosign_signs_under_a_tag() -> None:
    image = images.image("seed")
    tag, signature = images.cosign_signature(image)
    assert tag == f"sha256-{image.digest.hex}.sig"
    assert image.digest.encode() in b"".join(signature.blobs[1].chunks())


def test_an_attestation_stands_beside_its_image_in_the_index() -> None:
    image = images.image("seed")
    index = images.index([image, images.attested(image)])
    assert [str(child.platform) for child in index.manifest.manifests] == ["linux/amd64", "unknown/unknown"]
    kept = index.manifest.for_platforms((images.Platform("linux", "amd64"),))
    assert len(kept.manifests) == 2


def test_odd_bytes_do_not_survive_being_written_again() -> None:
    odd = images.odd(images.image("seed"))
    assert odd.manifest.blobs == images.image("seed").manifest.blobs
    for indent in (None, 1, 2, 3):
        assert Digest.of(json.dumps(json.loads(odd.raw), indent=indent).encode()) != odd.digest


@pytest.mark.parametrize("plain", [images.image("seed"), images.multi_platform("seed")])
def test_a_misstated_size_is_wrong_by_that_much(plain: Image) -> None:
    wrong = images.misstated(plain, 7)
    before, after = (
        sum(one.size for one in plain.manifest.children),
        sum(one.size for one in wrong.manifest.children),
    )
    assert after - before == 7
    assert wrong.digest != plain.digest


def test_everything_of_an_image_is_stored(tmp_path: Path) -> None:
    image = images.signed(images.index([images.multi_platform("inner"), images.image("outer")]))
    repository = Storage(tmp_path).repository("acme/api")
    image.store(repository, "1.0", "latest")
    assert {tag: tagged.digest for tag, tagged in repository.tags.items()} == {
        "1.0": image.digest,
        "latest": image.digest,
    }
    assert len(repository.manifests) == 1 + 1 + 4 + 1 + 1
    assert all(
        not repository.missing(stored.manifest) for stored in repository.manifests.values() if stored.manifest
    )
    for digest in repository.blobs:
        file = Storage.path(repository._storage, digest)
        assert f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" == digest


def test_the_size_of_an_image_counts_everything_once(tmp_path: Path) -> None:
    image = images.multi_platform("seed")
    storage = Storage(tmp_path)
    repository = storage.repository("a")
    image.store(repository, "1")
    blobs = sum(storage.size(digest) or 0 for digest in repository.blobs)
    assert image.size == blobs + sum(len(stored.raw) for stored in repository.manifests.values())


def test_the_samples_show_every_kind(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    found = fill(storage, "acme/shop", size=1000)
    assert [one.image.digest for one in found] == [one.image.digest for one in samples(size=1000)]
    tags = {(name, tag) for name in storage.repositories for tag in storage.repository(name).tags}
    assert tags == {(one.repository, tag) for one in found for tag in one.tags}
    kinds = {blob.media_type for one in found for part in one.image.walk() for blob in part.blobs}
    assert {OCI_LAYER + "+zstd", layers.DOCKER_LAYER, images.OCI_EMPTY} <= kinds
    assert any(child.is_index for one in found for child in one.image.manifest.manifests)
    assert any(one.image.referrers for one in found)


def _unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)
