"""Samples: what the demo's GitLab has in its registry, one image of every kind that the mirror meets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mirror.demo import images
from mirror.demo.images import Image
from mirror.demo.layers import layer
from mirror.demo.storage import Storage

_SIZE = 400_000


@dataclass(frozen=True, slots=True)
class Sample:
    """An image, where it lies, and what it shows."""

    repository: str
    tags: tuple[str, ...]
    image: Image
    shows: str


def samples(group: str = "acme/shop", size: int = _SIZE) -> Iterator[Sample]:
    """All of them; layers have about `size` bytes."""
    system = layer("debian 12", 2 * size)
    api = [
        images.image(f"api {version}", [system, layer(f"api {version}", size)])
        for version in ("1.0.0", "1.1.0")
    ]
    yield Sample(f"{group}/api", ("1.0.0",), api[0], "one platform")
    yield Sample(f"{group}/api", ("1.1.0", "latest"), api[1], "shares a layer with 1.0.0")
    worker = images.image("worker", [system, layer("worker", size)])
    yield Sample(f"{group}/worker", ("2024.6",), worker, "shares a layer with another repository")
    web = images.signed(images.multi_platform("web 2.0", size=size))
    yield Sample(f"{group}/web", ("2.0.0",), web, "four platforms, with a signature as referrer")
    assets = images.image("assets", [layer("assets", size, "zstd")])
    yield Sample(f"{group}/web/assets", ("7",), assets, "zstd layers")
    bundle = images.index([images.multi_platform("tools", size=size // 4), images.image("tools extra")])
    yield Sample(f"{group}/tools", ("bundle",), bundle, "an index within an index")
    legacy = images.multi_platform("legacy", size=size // 4, docker=True)
    yield Sample(f"{group}/legacy", ("3",), legacy, "Docker's own media types")
    old = images.image("old", size=size // 4)
    tag, signature = images.cosign_signature(old)
    yield Sample(f"{group}/legacy", ("2",), old, "signed by an older cosign")
    yield Sample(f"{group}/legacy", (tag,), signature, "that signature, under a tag of its own")


def fill(storage: Storage, group: str = "acme/shop", size: int = _SIZE) -> list[Sample]:
    """Put all samples into a registry's storage."""
    found = list(samples(group, size))
    for sample in found:
        sample.image.store(storage.repository(sample.repository), *sample.tags)
    return found
