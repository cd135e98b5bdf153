"""Shapes: the images of each work, made from fixed seeds, so that every run copies the same bytes."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mirror.demo.images import Image, image, index
from mirror.demo.layers import Blob, layer

# Repository -> tag -> image.
Images = Mapping[str, Mapping[str, Image]]
MEBIBYTE = 1024 * 1024
# What the layers of `big` are together, as far as a ratio needs to know.
BIG_GIBIBYTES = 4 * (256 + 4 * 16) / 1024


def big(tags: int = 4, large: int = 256 * MEBIBYTE, small: int = 16 * MEBIBYTE) -> Images:
    """Tags of one large layer and four small ones; bytes that do not compress."""
    return {
        "bench/big": {
            f"{tag}": image(f"big {tag}", [_layer(f"big {tag}", large), *_several(f"big {tag}", small)])
            for tag in range(1, tags + 1)
        }
    }


def many(
    repositories: int = 20, tags: int = 25, *, smallest: int = 100_000, largest: int = 300_000
) -> Images:
    """Each tag has three layers: one that every repository shares, and two that its repository shares."""

    def sized(seed: str) -> Blob:
        size = random.Random(seed).randint(smallest, largest)
        return _layer(seed, size)

    everywhere = sized("everywhere")
    made: dict[str, dict[str, Image]] = {}
    for number in range(1, repositories + 1):
        name = f"bench/many-{number:02}"
        layers = [everywhere, sized(f"{name} one"), sized(f"{name} two")]
        made[name] = {f"v{tag}": image(f"{name} {tag}", layers) for tag in range(1, tags + 1)}
    return made


def multi(count: int = 10, *, size: int = 200_000) -> Images:
    """Indexes of four platforms; their lowest layer is shared by all platforms."""
    platforms = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x")
    made = {}
    for number in range(1, count + 1):
        shared = _layer(f"multi {number}", size)
        made[f"v{number}"] = index(
            [
                image(
                    f"multi {number} {name}", [shared, _layer(f"multi {number} {name}", size)], platform=name
                )
                for name in platforms
            ]
        )
    return {"bench/multi": made}


def thousands(repositories: int = 20, tags: int = 500) -> Images:
    """Small images in great number: what counts here is how they are listed."""
    return many(repositories, tags, smallest=500, largest=1500)


def distinct_blobs(images: Images) -> int:
    """How many different configs and layers there are."""
    return len({blob.digest for tags in images.values() for one in tags.values() for blob in _blobs(one)})


def _blobs(root: Image) -> list[Blob]:
    return [blob for one in root.walk() for blob in one.blobs]


def _layer(seed: str, size: int) -> Blob:
    return layer(seed, size, "none")


def _several(seed: str, size: int) -> list[Blob]:
    return [_layer(f"{seed} {number}", size) for number in range(1, 5)]
