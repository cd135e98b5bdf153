"""`gcr-mirror kubernetes rewrite`, against a real registry and judged by a real kubectl."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.servers.command import Ran, configuration, gcr_mirror, plain
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed

KUBECTL = str(Path(sys.executable).parent / "kubectl")


@pytest.fixture
def config(tmp_path: Path, registry: Registry) -> Path:
    for name in ("api", "web"):
        Seed(registry.url, f"gitlab/acme/{name}").image("1", layers=(name.encode(),))
    return configuration(
        tmp_path,
        {"kind": "gitlab", "host": "registry.example"},
        plain(registry.host),
        repositories=["acme/**"],
        prefix="gitlab",
    )


def rewrite(config: Path, *words: str | Path) -> Ran:
    return gcr_mirror("kubernetes", "rewrite", "-c", config, *words, home=config.parent)


def digest(registry: Registry, name: str) -> str:
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    answer = requests.head(f"{registry.url}/v2/gitlab/acme/{name}/manifests/1", headers=accept, timeout=10)
    return answer.headers["Docker-Content-Digest"]


DEPLOYMENT = """\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
    selector: {matchLabels: {app: shop}}
    template:
        metadata: {labels: {app: shop}}
        spec:
            containers:
            -   name: api   # first
                image: 'registry.example/acme/api:1'
            -   name: proxy
                image: envoyproxy/envoy:v1
"""


def test_files_are_rewritten_in_place_and_nothing_else_in_them(
    tmp_path: Path, config: Path, registry: Registry
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(DEPLOYMENT)
    file.chmod(0o640)
    ran = rewrite(config, "--pin", file)
    assert (ran.code, ran.out, ran.err) == (0, "", "1 images, 1 of 1 files changed\n")
    new = f"{registry.host}/gitlab/acme/api:1@{digest(registry, 'api')}"
    assert file.read_text() == DEPLOYMENT.replace("registry.example/acme/api:1", new)
    assert file.stat().st_mode & 0o777 == 0o640
    again = rewrite(config, "--pin", file)
    assert (again.code, again.err) == (0, "1 images, 0 of 1 files changed\n")
    assert sorted(one.name for one in tmp_path.glob("*shop*")) == ["shop.yaml"]


def test_a_kustomization_that_was_rewritten_makes_pods_that_use_the_mirror(
    tmp_path: Path, config: Path, registry: Registry
) -> None:
    (tmp_path / "shop.yaml").write_text(DEPLOYMENT)
    kustomization = tmp_path / "kustomization.yaml"
    kustomization.write_text(
        "resources: [shop.yaml]\nimages:\n- name: registry.example/acme/api\n  newTag: '1'\n"
    )
    ran = rewrite(config, "--pin", kustomization)
    assert ran.code == 0, ran.err
    built = subprocess.run([KUBECTL, "kustomize", tmp_path], capture_output=True, text=True, check=True)
    image = f"{registry.host}/gitlab/acme/api"
    assert image in built.stdout
    assert f"@{digest(registry, 'api')}" in built.stdout
    assert "registry.example" not in built.stdout


def test_check_writes_nothing_and_names_what_is_missing_by_file_and_line(
    tmp_path: Path, config: Path, registry: Registry
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(DEPLOYMENT)
    assert rewrite(config, "--check", file).code == 0
    broken = DEPLOYMENT.replace("api:1", "api:2").replace(
        "envoyproxy/envoy:v1", "registry.example/acme/web:1"
    )
    file.write_text(broken)
    ran = rewrite(config, "--check", file)
    assert ran.code == 1
    assert ran.err == (
        f"{file}:12: registry.example/acme/api:2: {registry.host}/gitlab/acme/api:2 is not on the mirror\n"
        "nothing was written\n"
    )
    assert file.read_text() == broken


def test_a_digest_that_differs_is_told_with_the_mirrors_own(
    tmp_path: Path, config: Path, registry: Registry
) -> None:
    other = f"sha256:{'0' * 64}"
    (tmp_path / "a.yaml").write_text(f"containers:\n- image: registry.example/acme/api:1@{other}\n")
    ran = rewrite(config, "--pin", tmp_path / "a.yaml")
    assert ran.code == 1
    assert f"a.yaml:2: registry.example/acme/api:1@{other}: the mirror has another image as 1: " in ran.err
    assert digest(registry, "api") in ran.err


def test_one_bad_file_leaves_all_files_as_they_were(tmp_path: Path, config: Path) -> None:
    good, bad, outside = (tmp_path / f"{name}.yaml" for name in ("good", "bad", "outside"))
    good.write_text(DEPLOYMENT)
    bad.write_text("a: [\n")
    outside.write_text("containers:\n- image: registry.example/other/api:1\n")
    not_yaml = rewrite(config, good, bad)
    assert (not_yaml.code, not_yaml.err.startswith(f"gcr-mirror: {bad}:1: is not YAML")) == (2, True)
    unmapped = rewrite(config, good, outside)
    assert unmapped.code == 1
    assert f"{outside}:2: registry.example/other/api:1 is on no mirror" in unmapped.err
    assert good.read_text() == DEPLOYMENT
    assert rewrite(config, "--keep-unmapped", good, outside).code == 0
    assert good.read_text() != DEPLOYMENT


BAD = {
    "not text": (b"a: b\nc: \xff\xfe\n", "2: is not YAML: it is not text in UTF-8"),
    "binary": (b"\x7fELF\x02\x00\x00", "1: is not YAML: it has a control character"),
    "open": (b"a: b\nimages: [\n\n\n", "2: is not YAML: the bracket that is opened here is never closed"),
    "deep": (b"a: b\nc: " + b"[" * 5_000, "2: is nested too deeply to be read"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
def test_what_is_no_yaml_is_named_by_file_and_line_and_nothing_is_written(
    tmp_path: Path, config: Path, bad: str, stdin: bool
) -> None:
    good, file = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(DEPLOYMENT)
    data, says = BAD[bad]
    file.write_bytes(data)
    words = [
        sys.executable,
        "-m",
        "mirror",
        "kubernetes",
        "rewrite",
        "-c",
        config,
        good,
        "-" if stdin else file,
    ]
    ran = subprocess.run(
        words,
        input=data,
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.decode() == f"gcr-mirror: {'-' if stdin else file}:{says}\n"
    assert good.read_text() == DEPLOYMENT
    assert file.read_bytes() == data


def test_windows_line_ends_pass_through_stdin(tmp_path: Path, config: Path, registry: Registry) -> None:
    text = DEPLOYMENT.replace("\n", "\r\n").replace("the shop", "der Laden für alle")
    ran = subprocess.run(
        [sys.executable, "-m", "mirror", "kubernetes", "rewrite", "-c", config, "-"],
        input=text.encode(),
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONIOENCODING": "ascii"},
    )
    assert ran.stdout == text.replace("registry.example/", f"{registry.host}/gitlab/").encode()


def test_stdin_goes_to_stdout(tmp_path: Path, config: Path, registry: Registry) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mirror", "kubernetes", "rewrite", "-c", str(config), "-"],
        input=DEPLOYMENT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert ran.stdout == DEPLOYMENT.replace("registry.example/", f"{registry.host}/gitlab/")


def test_a_mirror_that_is_down_is_said_for_each_image(
    tmp_path: Path, config: Path, registries: Registries, registry: Registry
) -> None:
    (tmp_path / "shop.yaml").write_text(DEPLOYMENT)
    registry.stop()
    ran = rewrite(config, "--check", tmp_path / "shop.yaml")
    assert ran.code == 1
    assert f"shop.yaml:12: registry.example/acme/api:1: {registry.url}/v2/: connection refused" in ran.err


def test_a_path_into_values_that_leads_nowhere_is_no_success(tmp_path: Path, config: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("api: {image: registry.example/acme/api:1}\n")
    ran = rewrite(config, "--check", "--values", "apj.image", file)
    assert (ran.code, "--values apj.image: nothing is there in" in ran.err) == (2, True)
