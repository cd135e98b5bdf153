"""GitLabApi: the part of GitLab's REST API by which registries are found. Enough for python-gitlab.

https://docs.gitlab.com/api/container_registry/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from mirror.demo.messages import Request, Response, json_answer

if TYPE_CHECKING:
    from mirror.demo.gitlab import GitLabRegistry

_ROUTE = re.compile(r"/api/v4/(groups|projects)/([^/]+)(?:/(registry/repositories|projects|subgroups))?")
Page = Sequence[Mapping[str, Any]]


class GitLabApi:
    """Groups and projects follow from the repositories.

    The project of a repository is the one of `projects` that its path begins with; without one, the first two
    parts of the path. Every path above a project is a group. Numbers are given out as paths appear.
    """

    def __init__(self, registry: GitLabRegistry) -> None:
        self._registry = registry
        self.projects: set[str] = set()
        self.status: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def answer(self, request: Request) -> Response:
        """The answer to `/api/v4/…`."""
        if not self._logged_in(request):
            return json_answer({"message": "401 Unauthorized"}, 401)
        if request.path == "/api/v4/user":
            return json_answer({"id": 1, "username": "mirror", "state": "active"})
        if request.path == "/api/v4/version":
            return json_answer({"version": "18.5.0", "revision": "embedded"})
        found = _ROUTE.fullmatch(request.path)
        if found is None or request.method != "GET":
            return json_answer({"error": "404 Not Found"}, 404)
        return self._resource(found[1], unquote(found[2]), found[3] or "", request)

    def number(self, path: str) -> int:
        """The id of a group, project or repository."""
        return self._numbers.setdefault(path, len(self._numbers) + 1)

    def all_projects(self) -> list[str]:
        """Paths of all projects."""
        named = {self._project_of(name) for name in self._registry.storage.repositories}
        return sorted(self.projects | named)

    def all_groups(self) -> list[str]:
        """Paths of all groups."""
        found = set[str]()
        for project in self.all_projects():
            parts = project.split("/")
            found |= {"/".join(parts[:end]) for end in range(1, len(parts))}
        return sorted(found)

    def _resource(self, kind: str, key: str, below: str, request: Request) -> Response:
        paths = self.all_groups() if kind == "groups" else self.all_projects()
        path = next((one for one in paths if key in (one, str(self.number(one)))), None)
        if path is None:
            return json_answer({"message": f"404 {kind.capitalize()[:-1]} Not Found"}, 404)
        if not below:
            return json_answer(self._described(path))
        return _paged(self._lists(kind)[below](path), request, self._registry.api_url)

    def _lists(self, kind: str) -> dict[str, Callable[[str], Page]]:
        whole = kind == "groups"
        return {
            "registry/repositories": lambda path: self._repositories(path, whole=whole),
            "projects": lambda path: [
                self._described(one) for one in self.all_projects() if one.startswith(f"{path}/")
            ],
            "subgroups": lambda path: [
                self._described(one) for one in self.all_groups() if one.rpartition("/")[0] == path
            ],
        }

    def _logged_in(self, request: Request) -> bool:
        token = request.headers.get("private-token", "")
        token = token or request.headers.get("authorization", "").removeprefix("Bearer ")
        return any(user.api and user.password == token for user in self._registry.users.values())

    def _project_of(self, repository: str) -> str:
        declared = (one for one in self.projects if f"{repository}/".startswith(f"{one}/"))
        return next(declared, "/".join(repository.split("/")[:2]))

    def _described(self, path: str) -> dict[str, Any]:
        field = "path_with_namespace" if path in self.all_projects() else "full_path"
        name = path.rpartition("/")[2]
        return {"id": self.number(path), "name": name, "path": name, field: path}

    def _repositories(self, path: str, *, whole: bool) -> Page:
        storage = self._registry.storage
        return [
            self._repository(name)
            for name in storage.repositories
            if (f"{name}/".startswith(f"{path}/") if whole else self._project_of(name) == path)
        ]

    def _repository(self, name: str) -> dict[str, Any]:
        project = self._project_of(name)
        repository = self._registry.storage.repository(name)
        return {
            "id": self.number(f"repository:{name}"),
            "name": name[len(project) + 1 :],
            "path": name,
            "project_id": self.number(project),
            "location": f"{self._registry.host}/{name}",
            "created_at": repository.created.isoformat(timespec="milliseconds"),
            "cleanup_policy_started_at": None,
            "status": self.status.get(name),
        }


def _paged(items: Page, request: Request, origin: str) -> Response:
    """One page, with GitLab's headers of offset pagination."""
    size = max(1, min(100, request.number("per_page", 20)))
    page = max(1, request.number("page", 1))
    last = max(1, -(-len(items) // size))
    following = str(page + 1) if page < last else ""
    headers = {
        "X_Page": str(page),
        "X_Per_Page": str(size),
        "X_Total": str(len(items)),
        "X_Total_Pages": str(last),
        "X_Next_Page": following,
        "X_Prev_Page": str(page - 1) if page > 1 else "",
    }
    if following:
        kept = {key: values[0] for key, values in request.query.items()}
        url = f"{origin}{request.path}?{urlencode(kept | {'page': following})}"
        headers["Link"] = f'<{url}>; rel="next"'
    return json_answer(items[(page - 1) * size : page * size]).having(**headers)
