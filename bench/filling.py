"""Filling: puts images into a registry by plain HTTP, with nothing of the program that is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin

import urllib3

from bench.shapes import Images
from mirror.demo.images import Image
from mirror.demo.layers import Blob

_HEADERS = {"Content-Type": "application/octet-stream"}


def fill(url: str, images: Images, *, ca_file: str | None = None) -> None:
    """Write every image under its tags; the registry asks for no login."""
    with urllib3.PoolManager(maxsize=8, ca_certs=ca_file) as pool, ThreadPoolExecutor(8) as threads:
        for work in [threads.submit(_repository, pool, url, path, tags) for path, tags in images.items()]:
            work.result()


def _repository(pool: urllib3.PoolManager, url: str, path: str, tags: Any) -> None:
    there: set[str] = set()
    for tag, image in tags.items():
        for one in image.walk():
            for blob in one.blobs:
                if blob.digest not in there:
                    _blob(pool, f"{url}/v2/{path}", blob)
                    there.add(blob.digest)
            _manifest(pool, f"{url}/v2/{path}", one, one.digest)
        _manifest(pool, f"{url}/v2/{path}", image, tag)


def _blob(pool: urllib3.PoolManager, place: str, blob: Blob) -> None:
    opened = pool.request("POST", f"{place}/blobs/uploads/")
    location = urljoin(place, opened.headers["Location"])
    headers = _HEADERS | {"Content-Length": str(blob.size)}
    joint = "&" if "?" in location else "?"
    _expect(
        201,
        pool.request("PUT", f"{location}{joint}digest={blob.digest}", body=_pieces(blob), headers=headers),
    )


def _pieces(blob: Blob) -> Iterator[bytes]:
    yield from blob.chunks()


def _manifest(pool: urllib3.PoolManager, place: str, image: Image, reference: str) -> None:
    headers = {"Content-Type": image.media_type}
    _expect(201, pool.request("PUT", f"{place}/manifests/{reference}", body=image.raw, headers=headers))


def _expect(status: int, answer: urllib3.BaseHTTPResponse) -> None:
    if answer.status != status:
        raise RuntimeError(f"the registry answered {answer.status}: {json.dumps(answer.data.decode()[:300])}")
