"""Upload: how a blob comes into a repository. One session, one body; no registry here is sent chunks.

Google takes a single body per session, so a broken upload begins again; a broken *source* is resumed into the
same body. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from urllib.parse import quote, urlsplit

from mirror.errors import Denied, NotFound, RegistryError, TransportError, Unavailable, Unsupported
from mirror.events import Observe
from mirror.oci.authority import Scopes
from mirror.oci.blob import Resuming, chunks
from mirror.oci.content import Open
from mirror.oci.descriptor import Descriptor
from mirror.oci.registry import Registry
from mirror.transport.addresses import follow
from mirror.transport.answer import Answer


class Upload:
    """Brings blobs into one repository."""

    def __init__(self, registry: Registry, path: str, scopes: Scopes, observe: Observe) -> None:
        """`scopes` allow pull and push on `path`."""
        self._registry = registry
        self._path = path
        self._scopes = scopes
        self._observe = observe

    def mount(self, blob: Descriptor, siblings: Iterable[str]) -> tuple[bool, str | None]:
        """Try to mount from the first of `siblings`: (whether it worked, a session opened instead).

        Any failure is taken as "no": registries refuse in many ways (GitLab's scope errors, 400, 401, 404, 500).
        """
        sibling = next(iter(siblings), None)
        powers = self._registry.powers
        if sibling is None or not powers.mounts:
            return False, None
        scopes = self._scopes if sibling == self._path else (*self._scopes, f"repository:{sibling}:pull")
        query = f"?mount={quote(blob.digest, safe=':')}&from={quote(sibling, safe='')}"
        try:
            answer = self._registry.request(
                "POST", self._url + query, scopes, headers=_EMPTY, accept=_ANY, tries=False
            )
        except RegistryError as error:  # of the token service
            powers.refused_mounts += not error.temporary
            return False, None
        except TransportError:
            return False, None
        if answer.status in (201, 202):
            powers.refused_mounts = 0
            return answer.status == 201, None if answer.status == 201 else self._location(answer)
        powers.refused_mounts += answer.status not in _LATER
        return False, None

    def send(self, blob: Descriptor, source: Open, session: str | None) -> None:
        """Send the bytes into `session`, or a new one. SourceFailed is the source's; the rest is ours."""
        sessions = [session] if session else []
        refusals: list[RegistryError] = []
        # The source is opened before anything is asked of the target: a blob that is not there costs nothing.
        with ExitStack() as stack:
            readers = [stack.enter_context(Resuming(blob, source, self._registry.retry))]

            def attempt() -> None:
                if not readers:
                    readers.append(stack.enter_context(Resuming(blob, source, self._registry.retry)))
                into = sessions.pop() if sessions else self._start()
                try:
                    self._put(blob, readers.pop(), into)
                except (Denied, NotFound) as error:
                    # A stream cannot be sent twice in one request, so a token that ended is renewed here, and a
                    # session that is gone (the registry restarted, or cleaned up) is opened anew; once.
                    refusals.append(error)
                    if error.status not in (401, 404) or len(refusals) > 1:
                        raise
                    raise Unavailable(str(error), **error.parts) from error

            self._registry.retry(attempt)

    def _start(self) -> str:
        answer = self._registry.request(
            "POST", self._url, self._scopes, headers=_EMPTY, accept=(202,), tries=False
        )
        return self._location(answer)

    def _put(self, blob: Descriptor, reader: Resuming, session: str) -> None:
        url = session + ("&" if urlsplit(session).query else "?") + f"digest={quote(blob.digest, safe=':')}"
        registry = self._registry
        body = chunks(blob, reader, clock=registry.clock, pace=registry.bandwidth, observe=self._observe)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        registry.request("PUT", url, self._scopes, headers=headers, body=body, accept=(201, 204), tries=False)

    def _location(self, answer: Answer) -> str:
        location = answer.headers.get("Location")
        if not location:
            raise Unsupported(f"{self._registry.host} opened an upload without saying where")
        return follow(location, answer.url, self._registry.base)

    @property
    def _url(self) -> str:
        return f"/v2/{self._path}/blobs/uploads/"


_EMPTY = {"Content-Length": "0"}
_ANY = range(200, 600)
# Said of the moment, not of mounting.
_LATER = frozenset({408, 429, 502, 503, 504})
