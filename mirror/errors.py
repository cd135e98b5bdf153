"""Every error of the program, one tree.

MirrorError
|- ConfigError                      the user's to fix: file, line and fix are in the message
|- TransportError      temporary    no answer came
|  |- ConnectFailed    temporary    refused, unresolved, TLS failure
|  |  `- ConnectionBroken           it was there, and broke while it was used
|  |- TimedOut         temporary    nothing within the deadline
|  |- ForbiddenAddress              a redirect to an address that no registry may send us to
|  `- CircuitOpen      temporary    not even tried: the registry is known to be down
|- RegistryError                    an answer that is not the one asked for
|  |- Unauthorized                  401: the credential is refused; the registry is left alone from then on
|  |- Denied                        401 or 403 for this repository: the credential is good, its rights are not
|  |- NotFound                      404
|  |- RateLimited      temporary    429, with the wait that the registry asked for
|  |- Unsupported                   405, 415, or an answer outside the specification
|  `- Unavailable      temporary    408, 5xx
|- ContentError                     bytes are not what their descriptor says; never pushed, never tagged
|  |- DigestMismatch
|  |- SizeMismatch
|  |- TooLong                       an answer that would be read whole has no end in sight
|  `- InvalidManifest
|- CopyError                        an image failed: which side, which reference, and the cause
|- Doubtful                         a listing is not believed, so nothing is changed
|- StateError                       what the program remembers cannot be read or written
|  |- StateDamaged                  the file is damaged; it may be set aside, a pass rebuilds it
|  `- StateEmpty                    nothing was written yet, and whoever asks only reads
`- Stopped                          the program was told to stop while this was under way

`temporary` is the single answer to "may this be tried again?".
"""

from typing import ClassVar, Literal, TypedDict

Origin = Literal["source", "target"]


class MirrorError(Exception):
    """Root of the tree. `reason` is a short word for metrics and JSON; `str()` is for people.

    `origin` says which side failed, where the one who raised knew it.
    """

    temporary: bool = False
    origin: Origin | None = None
    reason: ClassVar[str] = "error"


class ConfigError(MirrorError):
    """The configuration or the command line is wrong."""

    reason = "config"


class TransportError(MirrorError):
    """No answer came from the host."""

    temporary = True
    reason = "unreachable"


class ConnectFailed(TransportError):
    """The connection was refused, or failed its TLS handshake; or the name did not resolve."""


class ConnectionBroken(ConnectFailed):
    """The host was there, and the connection broke while it was used."""


class TimedOut(TransportError):
    """The host did not answer, or stopped sending, within the deadline."""

    reason = "timeout"


class ForbiddenAddress(TransportError):
    """A registry pointed us to an address that images never come from (link-local, metadata)."""

    temporary = False
    reason = "forbidden_address"


class CircuitOpen(TransportError):
    """The registry is known to be down and is being left alone."""

    reason = "circuit_open"


class RegistryParts(TypedDict):
    """The parts of a RegistryError."""

    status: int
    codes: tuple[str, ...]
    detail: str
    request: str


class RegistryError(MirrorError):
    """The registry answered, and not with what was asked for.

    `status` is the HTTP status, `codes` are the error codes of the distribution specification,
    `detail` is what the registry said (bounded, redacted), `request` is "METHOD url" without its query.
    """

    reason = "registry"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        codes: tuple[str, ...] = (),
        detail: str = "",
        request: str = "",
    ) -> None:
        """Keep the parts; they are for programs, the message is for people."""
        super().__init__(message)
        self.status = status
        self.codes = codes
        self.detail = detail
        self.request = request

    @property
    def parts(self) -> RegistryParts:
        """What the constructor takes beside the message, to say the same in other words."""
        return {"status": self.status, "codes": self.codes, "detail": self.detail, "request": self.request}


class Unauthorized(RegistryError):
    """The credential itself is refused."""

    reason = "unauthorized"


class Denied(RegistryError):
    """The credential is good, but not for this repository or action."""

    reason = "denied"


class NotFound(RegistryError):
    """No such repository, tag, manifest or blob (or it may not be seen)."""

    reason = "not_found"


class RateLimited(RegistryError):
    """Too many requests. `retry_after` is in seconds, None when the registry did not say."""

    temporary = True
    reason = "rate_limited"
    retry_after: float | None = None


class Unsupported(RegistryError):
    """The registry does not do this, or answers outside the specification."""

    reason = "unsupported"


class Unavailable(RegistryError):
    """The registry has a problem of its own. `retry_after` as in RateLimited."""

    temporary = True
    reason = "unavailable"
    retry_after: float | None = None


class ContentError(MirrorError):
    """The bytes are not what was promised."""

    reason = "content"


class DigestMismatch(ContentError):
    """The bytes hash to another digest."""

    reason = "digest_mismatch"


class SizeMismatch(ContentError):
    """More or fewer bytes than the descriptor says."""

    reason = "size_mismatch"


class TooLong(ContentError):
    """An answer that is to be read whole is longer than any that is meant so."""

    reason = "too_long"


class InvalidManifest(ContentError):
    """Not a manifest that can be copied: not JSON, too large, or of an unknown kind."""

    reason = "invalid_manifest"


class CopyError(MirrorError):
    """One image failed. `origin` says which side; the cause is chained."""

    def __init__(self, reference: str, origin: Origin, cause: MirrorError) -> None:
        """Say which image and which side, and keep the cause."""
        super().__init__(f"{reference}: {origin}: {cause}")
        self.reference = reference
        self.origin = origin
        self.cause = cause
        self.temporary = cause.temporary


class Doubtful(MirrorError):
    """What the source lists is not believed, so nothing is changed at the target.

    `doubt` is empty_listing, missing_repository or shrunken_listing.
    """

    reason = "doubtful"

    def __init__(self, doubt: str, message: str) -> None:
        """Say which doubt, in a word and in a sentence."""
        super().__init__(message)
        self.doubt = doubt


class StateError(MirrorError):
    """The program's memory cannot be read or written."""

    reason = "state"


class StateDamaged(StateError):
    """The file of the state is not one, or not any more. It may be set aside: a pass rebuilds it."""


class StateEmpty(StateError):
    """Nothing was ever written to the state."""


class Stopped(MirrorError):
    """The program was told to stop."""

    reason = "stopped"
