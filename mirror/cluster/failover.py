"""Failover: flip the switch, prove that it works, restart what it is about, wait until that runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mirror.cluster.server import KINDS, Server
from mirror.errors import ConfigError, Unavailable
from mirror.render.failover import (
    HARMLESS,
    NAMESPACE_LABEL,
    PROBE,
    SWITCH_LABEL,
    probe_command,
    probe_of,
)

Say = Callable[[str], None]
_RESTARTED = "kubectl.kubernetes.io/restartedAt"  # what `kubectl rollout restart` writes
# The API server reads the switch within half a second; five are given.
_PAUSES = (0.2, 0.5, 1.0, 1.5, 1.8)
_CONTAINERS = ("containers", "initContainers")


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch as it is in the cluster."""

    namespace: str
    name: str
    origin: str
    mirror: str

    @property
    def probe(self) -> tuple[str, str]:
        """An image that need not exist, and its name on the mirror."""
        return probe_of(self.origin), probe_of(self.mirror)

    def uses(self, images: Iterable[str]) -> bool:
        """Whether any of these images is one that the policy renames."""
        ends = ("",) if self.origin.endswith("/") else ("/", ":", "@")
        return any(
            one == self.origin or one.startswith(tuple(self.origin + end for end in ends)) for one in images
        )


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods and can be restarted."""

    namespace: str
    kind: str
    name: str

    @property
    def restart(self) -> str:
        """The command that does the same as we do."""
        return f"rollout restart {self.kind}/{self.name}"


@dataclass(frozen=True)
class Turn:
    """One turn of all switches, on or off. Nothing is changed when `dry`; commands are said all the same."""

    server: Server
    on: bool
    say: Say
    dry: bool = False

    def switches(self) -> list[Switch]:
        """The switches that `failover-policy` made. ConfigError when there are none."""
        found = [
            Switch(
                one["metadata"]["namespace"],
                one["metadata"]["name"],
                *(one["data"][key] for key in ("from", "to")),
            )
            for one in self.server.switches("=".join(SWITCH_LABEL))
            if {"from", "to"} <= set(one.get("data") or {})
        ]
        if not found:
            raise ConfigError(
                "the cluster has no switch: apply what `gcr-mirror kubernetes failover-policy` prints"
            )
        return found

    def namespaces(self) -> list[str]:
        """The namespaces that take part. ConfigError when there are none."""
        found = self.server.namespaces("=".join(NAMESPACE_LABEL))
        if not found:
            label = "=".join(NAMESPACE_LABEL)
            raise ConfigError(f"no namespace takes part: kubectl label namespace NAMESPACE {label}")
        return found

    def flip(self, switch: Switch) -> None:
        """Write the switch."""
        value = "true" if self.on else "false"
        patch = shlex.quote(f'{{"data":{{"enabled":"{value}"}}}}')
        self._command(switch.namespace, f"patch configmap {switch.name} --type merge -p {patch}")
        if not self.dry:
            self.server.flip(switch.namespace, switch.name, value)

    def prove(self, switch: Switch, namespace: str, sleep: Callable[[float], object]) -> None:
        """Try a pod: does the API server give it the image that it should now get? ConfigError when it does not."""
        image, renamed = switch.probe
        self._command(namespace, probe_command(image))
        wanted = renamed if self.on else image
        given = wanted if self.dry else self._tried(namespace, image)
        for pause in _PAUSES:
            if given == wanted:
                return
            sleep(pause)
            given = self._tried(namespace, image)
        doubt = (
            "Is the policy of `failover-policy` applied" if self.on else "Does another policy rename images"
        )
        raise ConfigError(
            f"the switch {switch.namespace}/{switch.name} is {'on' if self.on else 'off'}, but a new pod in "
            f"{namespace} would still get {given}; nothing was restarted. {doubt}?"
        )

    def _tried(self, namespace: str, image: str) -> str:
        container = {"name": PROBE, "image": image, "securityContext": HARMLESS}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": PROBE},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
        return str(self.server.tried(namespace, pod)["spec"]["containers"][0]["image"])

    def affected(self, switches: list[Switch], namespace: str) -> Iterator[Workload]:
        """The workloads of a namespace whose images a switch is about."""
        for kind in KINDS:
            for one in self.server.workloads(namespace, kind):
                if any(switch.uses(_images(one["spec"]["template"]["spec"])) for switch in switches):
                    yield Workload(namespace, kind, one["metadata"]["name"])

    def left(self, switches: list[Switch], namespace: str) -> list[str]:
        """Pods that no restart reached: they do not run, and still have the name at the origin that they began with.

        When `dry`, nothing was restarted; then those that have no controller, or a Job.
        """
        return [
            one["metadata"]["name"]
            for one in self.server.pods(namespace)
            if (not self.dry or _owner(one) in ("", "Job"))
            and one.get("status", {}).get("phase") == "Pending"
            and not one["metadata"].get("deletionTimestamp")
            and any(switch.uses(_images(one["spec"])) for switch in switches)
        ]

    def restart(self, workload: Workload, now: str) -> None:
        """Replace its pods."""
        self._command(workload.namespace, workload.restart)
        if not self.dry:
            self.server.annotate_template(workload.namespace, workload.kind, workload.name, {_RESTARTED: now})

    def runs(self, workload: Workload) -> bool:
        """Whether all its pods are new and available."""
        return complete(self.server.workload(workload.namespace, workload.kind, workload.name))

    def _command(self, namespace: str, words: str) -> None:
        context = f" --context {shlex.quote(self.server.context)}" if self.server.context else ""
        self.say(f"kubectl{context} -n {namespace} {words}")


def wait(
    turn: Turn,
    workloads: Iterable[Workload],
    timeout: float,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> None:
    """Wait until all of them run. Unavailable names those that do not, after `timeout` seconds."""
    waiting, end = list(workloads), clock() + timeout
    while waiting := [one for one in waiting if not turn.runs(one)]:
        if clock() >= end:
            names = ", ".join(f"{one.namespace}/{one.name}" for one in waiting)
            raise Unavailable(f"not running after {timeout:.0f} s: {names}; `kubectl describe pod` says why")
        sleep(0.5)


def complete(workload: Mapping[str, Any]) -> bool:
    """Whether a rollout is over, as `kubectl rollout status` tells it."""
    status, spec = workload.get("status") or {}, workload["spec"]
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    if "desiredNumberScheduled" in status:  # a DaemonSet
        wanted = status["desiredNumberScheduled"]
        return bool(wanted == status.get("updatedNumberScheduled", 0) == status.get("numberAvailable", 0))
    wanted = spec.get("replicas", 1)
    done = (status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas"))
    return all(count == wanted for count in done)


def _images(spec: Mapping[str, Any]) -> list[str]:
    return [one.get("image", "") for key in _CONTAINERS for one in spec.get(key) or ()]


def _owner(pod: Mapping[str, Any]) -> str:
    owners = pod["metadata"].get("ownerReferences") or [{}]
    return str(owners[0].get("kind", ""))
