"""deploy/kubernetes: what kustomize makes of it is what the API takes and what the program takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
from msgspec import structs
from ruamel.yaml import YAML

from mirror.config import load
from mirror.config.model import Config
from mirror.errors import ConfigError

KUSTOMIZE = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUSTOMIZE / "overlays").iterdir())
every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
Json = dict[str, Any]


def built(folder: Path) -> list[Json]:
    kubectl = Path(sys.executable).parent / "kubectl"
    made = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True)
    return list(YAML(typ="safe").load_all(made.stdout))


def only(objects: list[Json], kind: str) -> Json:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def container(objects: list[Json]) -> Json:
    (found,) = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def configuration(objects: list[Json], folder: Path) -> Config:
    file = folder / "config.yaml"
    file.write_text(only(objects, "ConfigMap")["data"]["config.yaml"])
    return load(file, {})


@every_overlay
def test_every_object_is_what_the_api_knows(overlay: str) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    for one in objects:
        kubernetes_validate.validate(one, "1.36", strict=True)
        assert one["metadata"].get("namespace", one["metadata"]["name"]) == "gcr-mirror"


def test_a_misspelt_field_would_be_found(tmp_path: Path) -> None:
    deployment = only(built(KUSTOMIZE / "base"), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.36", strict=True)


@every_overlay
def test_the_configuration_is_one_that_the_program_takes(overlay: str, tmp_path: Path) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    config = configuration(objects, tmp_path)
    assert config.service.listen == f"0.0.0.0:{container(objects)['ports'][0]['containerPort']}"
    grace = only(objects, "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > config.service.grace.total_seconds()


def test_a_configuration_that_the_program_would_refuse_fails(tmp_path: Path) -> None:
    objects = built(KUSTOMIZE / "base")
    data = only(objects, "ConfigMap")["data"]
    data["config.yaml"] = data["config.yaml"].replace("target: gcr", "target: gone")
    with pytest.raises(ConfigError, match="gone"):
        configuration(objects, tmp_path)


@every_overlay
def test_every_file_that_the_configuration_names_is_mounted(overlay: str, tmp_path: Path) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    config = configuration(objects, tmp_path)
    mounts = [one["mountPath"] for one in container(objects)["volumeMounts"]]
    named = [config.state.url.removeprefix("sqlite:///")]
    for registry in config.registries.values():
        values = structs.asdict(registry.credentials) if registry.credentials else {}
        named += [str(value) for key, value in values.items() if key.endswith("_file") and value]
    assert len(named) >= 2
    for path in named:
        assert any(path.startswith(f"{mount}/") for mount in mounts), path


@every_overlay
def test_pods_are_of_the_restricted_profile(overlay: str) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    spec = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    labels = only(objects, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@every_overlay
def test_one_pod_runs_an_image_that_google_keeps(overlay: str) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    deployment = only(objects, "Deployment")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert container(objects)["image"].startswith("eu.gcr.io/")
    assert container(objects)["args"] == ["run"]


def test_a_changed_configuration_is_a_new_rollout(tmp_path: Path) -> None:
    volumes = []
    for overlay in ("json-key", "workload-identity"):
        objects = built(KUSTOMIZE / "overlays" / overlay)
        spec = only(objects, "Deployment")["spec"]["template"]["spec"]
        (name,) = (one["configMap"]["name"] for one in spec["volumes"] if "configMap" in one)
        assert name == only(objects, "ConfigMap")["metadata"]["name"]
        volumes.append(name)
    assert len(set(volumes)) == 2


def asked(config: Config) -> set[int]:
    """The ports that the mirror goes to by what its configuration says."""
    urls = [f"{'http' if one.insecure else 'https'}://{one.host}" for one in config.registries.values()]
    urls += [url for one in config.registries.values() if (url := getattr(one, "api_url", None))]
    parts = [urlsplit(url) for url in urls]
    return {one.port or {"http": 80, "https": 443}[one.scheme] for one in parts}


def allowed(objects: list[Json]) -> set[int]:
    """The ports of the internet that policies let the mirror's pod go to."""
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    assert any(one["podSelector"] == {} and "Egress" in one["policyTypes"] for one in policies)
    rules = [rule for one in policies for rule in one.get("egress", ())]
    anywhere = [
        rule for rule in rules if any(to["ipBlock"]["cidr"] == "0.0.0.0/0" for to in rule.get("to", ()))
    ]
    return {port["port"] for rule in anywhere for port in rule["ports"]}


def laid(folder: Path, overlay: str, *components: str) -> list[Json]:
    """What kustomize makes of an overlay with components."""
    up = "../" * len(folder.parts[1:])  # kustomize takes relative paths only
    paths = [f"{up}{(KUSTOMIZE / 'components' / one).relative_to('/')}" for one in components]
    base = f"{up}{(KUSTOMIZE / 'overlays' / overlay).relative_to('/')}"
    (folder / "kustomization.yaml").write_text(json.dumps({"resources": [base], "components": paths}))
    return built(folder)


@every_overlay
def test_the_policy_lets_the_mirror_go_to_every_registry_that_it_is_configured_with(
    overlay: str, tmp_path: Path
) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    assert asked(configuration(objects, tmp_path)) <= allowed(objects)


@every_overlay
def test_a_registry_with_a_port_of_its_own_wants_the_component(overlay: str, tmp_path: Path) -> None:
    objects = built(KUSTOMIZE / "overlays" / overlay)
    data = only(objects, "ConfigMap")["data"]
    data["config.yaml"] = data["config.yaml"].replace(
        "host: registry.gitlab.com", "host: gitlab.example.com:5050\n    api_url: https://gitlab.example.com"
    )
    wanted = asked(configuration(objects, tmp_path))
    assert wanted == {443, 5050}
    assert not wanted <= allowed(objects)
    assert wanted == allowed(laid(tmp_path, overlay, "registry-port"))


def test_components_are_laid_over_an_overlay(tmp_path: Path) -> None:
    components = sorted(path.name for path in (KUSTOMIZE / "components").iterdir())
    objects = laid(tmp_path, "json-key", *components)
    monitor = only(objects, "PodMonitor")
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    ports = {port["name"] for port in container(objects)["ports"]}
    assert {one["port"] for one in monitor["spec"]["podMetricsEndpoints"]} <= ports
    rules = YAML(typ="safe").load(KUSTOMIZE.parent / "prometheus" / "rules.yaml")
    assert only(objects, "PrometheusRule")["spec"]["groups"] == rules["groups"]
    for one in objects:
        if "monitoring.coreos.com" not in one["apiVersion"]:
            kubernetes_validate.validate(one, "1.36", strict=True)
