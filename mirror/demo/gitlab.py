"""GitLabRegistry: GitLab's registry, its token endpoint, its list of tags and the REST calls for discovery.

Behaves as GitLab's container registry with the metadata database does, and as `/jwt/auth` of GitLab itself:
a denied scope is no error, tokens carry no `expires_in`, blobs are redirected, there are no referrers.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from mirror.demo.access import Access, Account, basic, bearer, challenge, matches, scopes
from mirror.demo.distribution import OciRegistry
from mirror.demo.faults import answer_with
from mirror.demo.gitlab_api import GitLabApi
from mirror.demo.gitlab_tags import tags_page
from mirror.demo.messages import Effect, Request, Response, json_answer, refusal
from mirror.demo.objects import ObjectStorage
from mirror.demo.repository import Repository
from mirror.demo.rules import GITLAB, Rules
from mirror.demo.storage import Clock
from mirror.demo.tokens import TokenService
from mirror.oci.digest import Digest

_TAGS = "/gitlab/v1/repositories/"
_DENIED = (
    "HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled "
    "and you must use a personal access token instead of a password."
)


class GitLabRegistry(OciRegistry):
    """Everything of GitLab on one port, except the bytes of blobs: those are at `objects`.

    `users` maps a name to a password or an Account; `public` are globs of repositories that need no login.
    With `database=False` there is no `/gitlab/v1`, as on a self-managed GitLab without metadata database.
    Used only for its tokens (`realm`, `tokens`), it serves a real registry as `auth: token`.
    """

    def __init__(  # noqa: PLR0913 - switches, each by its name
        self,
        directory: Path | None = None,
        *,
        users: Mapping[str, str | Account] | None = None,
        public: Iterable[str] = (),
        token_lifetime: float = 300.0,
        database: bool = True,
        redirects: bool = True,
        rules: Rules = GITLAB,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(directory, rules=rules, tls=tls, clock=clock)
        accounts = {"mirror": "secret"} if users is None else users
        self.users = {n: a if isinstance(a, Account) else Account(a) for n, a in accounts.items()}
        self.public = tuple(public)
        self.database = database
        self.redirects = redirects
        self.tokens = TokenService("gitlab-issuer", "container_registry", token_lifetime)
        self.objects = ObjectStorage(self.storage, tls=tls)
        self.api = GitLabApi(self)

    def start(self) -> Self:
        """Start the object storage too."""
        if not self.objects.running:
            self.objects.start()
        return super().start()

    def close(self) -> None:
        """Stop both."""
        self.objects.close()
        super().close()
        self.problems += self.objects.problems

    @property
    def api_url(self) -> str:
        """The root of GitLab itself, as `api_url` of the configuration."""
        return self.url

    @property
    def realm(self) -> str:
        """The token endpoint."""
        return f"{self.url}/jwt/auth"

    def answer(self, request: Request) -> Response:
        """GitLab's own routes, then those of the specification."""
        if request.path == "/jwt/auth":
            # The OAuth 2 form of the request, which containerd tries first, has no route there.
            return self._token(request) if request.method == "GET" else Response(404)
        if request.path.startswith("/api/v4/"):
            return self.api.answer(request)
        if request.path.startswith("/gitlab/v1"):
            return self._vendor(request)
        return super().answer(request)

    def refused(self, request: Request, wanted: Iterable[Access]) -> Response | None:
        """401 with the challenge of the token specification."""
        token = bearer(request)
        granted = self.tokens.verify(token) if token else None
        wanted = list(wanted)
        if granted is not None and all(any(g.covers(w) for g in granted) for w in wanted):
            return None
        error = "" if not token else "insufficient_scope" if granted is not None else "invalid_token"
        answer = refusal(401, "UNAUTHORIZED", "authentication required", [_detail(one) for one in wanted])
        header = challenge(self.realm, self.tokens.service, wanted, error)
        return answer.having(WWW_Authenticate=header, Docker_Distribution_Api_Version="registry/2.0")

    def blob(self, repository: Repository, digest: Digest, request: Request) -> Response:
        """To the object storage, unless `redirects` is off."""
        if not self.redirects or not repository.has(digest):
            return super().blob(repository, digest, request)
        return Response(307, {"Location": self.objects.sign(digest), "Docker-Content-Digest": digest})

    def weaker_token(self) -> Effect:
        """An effect for `/jwt/auth`: a good token that grants nothing, as after a right was withdrawn."""
        return answer_with(json_answer({"token": self.tokens.mint("mirror")}))

    def _token(self, request: Request) -> Response:
        """`/jwt/auth`: what is denied is left out of the token; only nothing at all is an error."""
        login = basic(request)
        if request.headers.get("authorization") and not self._known(login):
            return refusal(401, "UNAUTHORIZED", _DENIED)
        account = self.users[login[0]] if login else None
        granted = [self._granted(account, access) for access in scopes(request)]
        granted = [access for access in granted if access.actions]
        if account is None and not granted:
            return refusal(403, "DENIED", "access forbidden")
        for access in granted:
            if "push" in access.actions:
                self.storage.repository(access.name)
        return json_answer({"token": self.tokens.mint(login[0] if login else "", granted)})

    def _known(self, login: tuple[str, str] | None) -> bool:
        account = self.users.get(login[0]) if login else None
        return account is not None and login is not None and account.password == login[1]

    def _granted(self, account: Account | None, access: Access) -> Access:
        if access.kind != "repository":
            return access.only(())
        open_to_all = {"pull"} if matches(self.public, access.name) else set()
        allowed = account.allows(access).actions if account else frozenset[str]()
        return access.only(allowed | open_to_all)

    def _vendor(self, request: Request) -> Response:
        if not self.database:
            return Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        if request.path == "/gitlab/v1/":
            return self.refused(request, []) or self.greeting()
        if request.path.endswith("/tags/list"):
            query = request.target.partition("?")[2]
            return Response(301, {"Location": f"{request.path}/" + (f"?{query}" if query else "")})
        if not request.path.startswith(_TAGS) or not request.path.endswith("/tags/list/"):
            return refusal(404, "UNSUPPORTED", "404 page not found")
        name = request.path.removeprefix(_TAGS).removesuffix("/tags/list/")
        denied = self.refused(request, [Access.to(name, "pull")])
        repository = self.storage.find(name)
        if denied or repository is None:
            return denied or self.missing_repository(name)
        return tags_page(repository, request)


def _detail(access: Access) -> dict[str, str]:
    return {"Type": access.kind, "Name": access.name, "Action": ",".join(sorted(access.actions))}
