"""Server: one API server, by a context of the kubeconfig."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from mirror.errors import ConfigError, ConnectFailed, Denied, NotFound, Unauthorized, Unavailable

Json = dict[str, Any]
_REFUSALS = {401: Unauthorized, 403: Denied, 404: NotFound}
_TIMEOUT = 30
# Lower case in paths and commands, as in `kubectl rollout restart deployment/shop`.
KINDS = ("deployment", "statefulset", "daemonset")


class Server:
    """What is asked of a cluster. Not contacted before the first question."""

    def __init__(self, context: str | None = None) -> None:
        """`context` is a name of the kubeconfig; None is its current one."""
        self.context = context

    def switches(self, selector: str) -> list[Json]:
        """The ConfigMaps with a label, of all namespaces."""
        with _translated("list configmaps"):
            return self._items(
                self._core.list_config_map_for_all_namespaces(label_selector=selector, **_BOUND)
            )

    def flip(self, namespace: str, name: str, value: str) -> None:
        """Write `enabled` of a switch."""
        with _translated(f"patch the configmap {namespace}/{name}"):
            self._core.patch_namespaced_config_map(name, namespace, {"data": {"enabled": value}}, **_BOUND)

    def namespaces(self, selector: str) -> list[str]:
        """The names of the namespaces with a label."""
        with _translated("list namespaces"):
            found = self._items(self._core.list_namespace(label_selector=selector, **_BOUND))
        return [one["metadata"]["name"] for one in found]

    def tried(self, namespace: str, pod: Json) -> Json:
        """What the API server would make of a new pod; nothing is made."""
        with _translated(f"try a pod in {namespace}"):
            return self._json(self._core.create_namespaced_pod(namespace, pod, dry_run="All", **_BOUND))

    def workloads(self, namespace: str, kind: str) -> list[Json]:
        """The workloads of one of KINDS."""
        with _translated(f"list {kind}s of {namespace}"):
            return self._items(getattr(self._apps, f"list_namespaced_{_SNAKE[kind]}")(namespace, **_BOUND))

    def workload(self, namespace: str, kind: str, name: str) -> Json:
        """One workload."""
        with _translated(f"read {kind} {namespace}/{name}"):
            return self._json(
                getattr(self._apps, f"read_namespaced_{_SNAKE[kind]}")(name, namespace, **_BOUND)
            )

    def annotate_template(self, namespace: str, kind: str, name: str, annotations: dict[str, str]) -> None:
        """Change the annotations of the pods that a workload makes, which makes it replace them."""
        body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        with _translated(f"restart {kind} {namespace}/{name}"):
            getattr(self._apps, f"patch_namespaced_{_SNAKE[kind]}")(name, namespace, body, **_BOUND)

    def pods(self, namespace: str | None = None) -> list[Json]:
        """The pods of a namespace, or of all."""
        with _translated("list pods"):
            if namespace:
                return self._items(self._core.list_namespaced_pod(namespace, **_BOUND))
            return self._items(self._core.list_pod_for_all_namespaces(**_BOUND))

    def secret(self, namespace: str, name: str) -> Json | None:
        """A Secret; None when there is none of that name."""
        try:
            with _translated(f"read the secret {namespace}/{name}"):
                return self._json(self._core.read_namespaced_secret(name, namespace, **_BOUND))
        except NotFound:
            return None

    @cached_property
    def _client(self) -> Any:
        try:
            import kubernetes.client  # noqa: PLC0415 - large, and an optional part
            import kubernetes.config  # noqa: PLC0415 - the same

            configured: Any = kubernetes.config.new_client_from_config  # it has no types
        except ImportError as error:
            raise ConfigError(
                "this needs the client of Kubernetes: pip install 'gitlab-gcr-mirror[kubernetes]'; or run the kubectl "
                "commands of docs/runbooks/gitlab-registry-down.md"
            ) from error
        try:
            return configured(context=self.context)
        except (kubernetes.config.ConfigException, OSError) as error:
            raise ConfigError(f"the kubeconfig cannot be used: {error}") from error
        except Exception as error:
            # The client reads whatever the file holds; its words could repeat a token of it.
            raise ConfigError(
                f"the kubeconfig cannot be used: it is none ({type(error).__name__})"
            ) from error

    @cached_property
    def _core(self) -> Any:
        client = self._client
        import kubernetes.client  # noqa: PLC0415 - as above

        return kubernetes.client.CoreV1Api(client)

    @cached_property
    def _apps(self) -> Any:
        client = self._client
        import kubernetes.client  # noqa: PLC0415 - as above

        return kubernetes.client.AppsV1Api(client)

    def _json(self, answer: Any) -> Json:
        made: Json = self._client.sanitize_for_serialization(answer)
        return made

    def _items(self, answer: Any) -> list[Json]:
        return [self._json(one) for one in answer.items]


_SNAKE = {"deployment": "deployment", "statefulset": "stateful_set", "daemonset": "daemon_set"}
_BOUND = {"_request_timeout": _TIMEOUT}


@contextmanager
def _translated(what: str) -> Iterator[None]:
    import urllib3.exceptions  # noqa: PLC0415 - with the client that uses it

    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        raise ConnectFailed(
            f"could not {what}: the API server does not answer ({type(error).__name__})"
        ) from error
    except Exception as error:
        status = getattr(error, "status", None)
        if not isinstance(status, int):
            raise
        reason = str(getattr(error, "reason", "") or "")
        kind = _REFUSALS.get(status, Unavailable)
        raise kind(f"could not {what}: {status} {reason}".rstrip(), status=status) from error
