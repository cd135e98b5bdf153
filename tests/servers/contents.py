"""Contents: made-up images put into any target by its own verbs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import cast

from mirror.demo.images import Image
from mirror.demo.layers import Blob
from mirror.oci.content import Open, Reader, Target
from mirror.oci.descriptor import Descriptor


def opener(data: bytes) -> Open:
    """Opens `data` at an offset, as a source would."""

    @contextmanager
    def at(offset: int) -> Iterator[Reader]:
        yield cast("Reader", BytesIO(data[offset:]))

    return at


def put(target: Target, image: Image, *tags: str) -> Image:
    """Bring all of `image` to `target`, and tag it."""
    for one in image.walk():
        for blob in one.blobs:
            target.push(descriptor(blob), opener(content(blob)))
        target.put(one.manifest)
    for tag in tags:
        target.put(image.manifest, tag)
    return image


def content(blob: Blob) -> bytes:
    """All bytes of a small blob."""
    return b"".join(blob.chunks())


def descriptor(blob: Blob) -> Descriptor:
    """What a manifest says of a blob."""
    return Descriptor.from_json(blob.descriptor)
