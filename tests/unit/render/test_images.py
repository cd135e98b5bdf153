from __future__ import annotations

import pytest

from mirror.errors import ConfigError
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference
from mirror.render.relocation import Relocation
from mirror.render.rewrite import Uses, rewritten, uses
from mirror.sync.mapping import Mapping
from mirror.sync.patterns import Patterns

DIGEST = Digest.of(b"{}")
SHOP = Relocation(
    "shop",
    "registry.example",
    Mapping("eu.gcr.io", "proj", "gitlab"),
    Patterns.parse(["acme/shop/**", "!acme/shop/old"]),
)
ORIGIN, MIRROR = "registry.example/acme/shop", "eu.gcr.io/proj/gitlab/acme/shop"


def used(text: str, file: str = "manifest.yaml", values: tuple[str, ...] = ()) -> Uses:
    return uses(text, file, [SHOP], values)


POD = f"""\
# what runs
spec:
    containers:   # odd indents stay
    -   name: api
        image:  "{ORIGIN}/api:1"   # a comment

    - {{name: web, image: '{ORIGIN}/web:2'}}
    - name: other
      image: docker.io/library/alpine:3
    initContainers:
    - image: {ORIGIN}@{DIGEST}
      name: first
    ephemeralContainers: [{{"name": "shell", "image": "{ORIGIN}/debug"}}]
    volumes:
    - name: model
      image: {{reference: {ORIGIN}/model:v1, pullPolicy: IfNotPresent}}
"""


def test_only_the_names_change_and_every_other_byte_stays() -> None:
    found = used(POD)
    assert len(found.mirrored) == 5
    assert rewritten(found) == POD.replace(ORIGIN, MIRROR)


@pytest.mark.parametrize(
    "template",
    [
        "kind: Pod\nspec: {SPEC}",
        "kind: Deployment\nspec: {template: {spec: {SPEC}}}",
        "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {SPEC}}}}}",
        "kind: PodTemplate\ntemplate: {spec: {SPEC}}",
        "kind: List\nitems: [{kind: DaemonSet, spec: {template: {spec: {SPEC}}}}]",
        "kind: ServiceOfSomebody\nspec: {template: {spec: {SPEC}}}",
        "a: &pod {SPEC}\nb: *pod",
        "kind: ConfigMap\n---\nkind: Job\nspec: {template: {spec: {SPEC}}}",
    ],
)
def test_every_kind_of_workload_is_read(template: str) -> None:
    text = template.replace("{SPEC}", f"{{containers: [{{image: {ORIGIN}/api:1}}]}}")
    assert rewritten(used(text)) == text.replace(ORIGIN, MIRROR)


def test_a_tag_is_pinned_and_stays_for_people_to_read() -> None:
    found = used(f"containers:\n- image: {ORIGIN}/api:1\n- image: {ORIGIN}/api@{DIGEST}\n")
    pins = {Reference.parse(f"{MIRROR}/api:1"): DIGEST}
    assert rewritten(found, pins) == (
        f"containers:\n- image: {MIRROR}/api:1@{DIGEST}\n- image: {MIRROR}/api@{DIGEST}\n"
    )


def test_what_is_on_the_mirror_already_stays_and_can_be_pinned() -> None:
    text = f"containers:\n- image: {MIRROR}/api:1\n"
    assert rewritten(used(text)) == text
    pins = {Reference.parse(f"{MIRROR}/api:1"): DIGEST}
    assert rewritten(used(text), pins) == f"containers:\n- image: {MIRROR}/api:1@{DIGEST}\n"


KUSTOMIZATION = f"""\
images:
- name: {ORIGIN}/api  # the API
  newTag: "1"
- name: api
  newName: {ORIGIN}/web
  newTag: 1.10
- {{name: {ORIGIN}/job, digest: "{DIGEST}"}}
- name: elsewhere
"""


def test_a_kustomization_gets_new_names_for_its_images() -> None:
    found = used(KUSTOMIZATION, "overlay/kustomization.yaml")
    assert [str(use.image) for use in found.mirrored] == [
        f"{ORIGIN}/api:1",
        f"{ORIGIN}/web:1.10",
        f"{ORIGIN}/job@{DIGEST}",
    ]
    pins = {Reference.parse(f"{MIRROR}/api:1"): DIGEST}
    assert rewritten(found, pins) == (
        f"""\
images:
- name: {ORIGIN}/api  # the API
  newTag: "1"
  newName: "{MIRROR}/api"
  digest: "{DIGEST}"
- name: api
  newName: {MIRROR}/web
  newTag: 1.10
- {{name: {ORIGIN}/job, digest: "{DIGEST}", newName: "{MIRROR}/job"}}
- name: elsewhere
"""
    )


def test_a_kustomization_is_known_by_its_kind_too_and_nothing_else_is_taken_for_one() -> None:
    text = f"kind: Component\nimages: [{{name: {ORIGIN}/api}}]"
    assert (
        rewritten(used(text)) == f"kind: Component\nimages: [{{name: {ORIGIN}/api, newName: {MIRROR}/api}}]"
    )
    assert used(f"images: [{{name: {ORIGIN}/api}}]").mirrored == ()
    assert used(f"kind: Other\nimages: [{{name: {ORIGIN}/api}}]", "kustomization.yaml").mirrored == ()


VALUES = f"""\
image: {ORIGIN}/all:1
api:
  image:
    registry: registry.example
    repository: acme/shop/api
    tag: 1.10
web:
  image: {{repository: {ORIGIN}/web, tag: v2, digest: ""}}
other:
  image: {{repository: alpine}}
"""


def test_values_of_a_chart_are_changed_where_their_paths_say() -> None:
    found = used(VALUES, "values.yaml", ("image", "*.image"))
    pins = {Reference.parse(f"{MIRROR}/{name}"): DIGEST for name in ("api:1.10", "web:v2")}
    assert rewritten(found, pins) == (
        f"""\
image: {MIRROR}/all:1
api:
  image:
    registry: eu.gcr.io
    repository: proj/gitlab/acme/shop/api
    tag: 1.10@{DIGEST}
web:
  image: {{repository: {MIRROR}/web, tag: v2, digest: "{DIGEST}"}}
other:
  image: {{repository: alpine}}
"""
    )
    assert used(VALUES, "values.yaml").mirrored == ()


def test_windows_line_ends_stay() -> None:
    text = KUSTOMIZATION.replace("\n", "\r\n")
    new = rewritten(used(text, "kustomization.yaml"))
    assert new.count("\r\n") == new.count("\n") == text.count("\n") + 1


def test_an_image_of_the_source_that_no_mirror_has_is_named_by_file_and_line() -> None:
    found = used(
        f"containers:\n- image: {ORIGIN}/api:1\n- image: {ORIGIN}/old:1\n- image: alpine\n", "a.yaml"
    )
    assert tuple(map(str, found.unmapped)) == (
        f"a.yaml:3: {ORIGIN}/old:1 is on no mirror: no pattern of the configuration fits",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b\nc: [\n", "a.yaml:2: is not YAML"),
        ("a: b\n{{- if .Values.x }}\n", "a.yaml:2: is not YAML: .*render it first: helm template"),
        (f"containers:\n- image: {ORIGIN}/api:-1\n", "a.yaml:2: '-1' is no tag"),
        ("a: b\nc: \x00", "a.yaml:2: is not YAML"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        used(text, "a.yaml")


def test_a_value_that_is_no_image_is_named_by_file_and_line() -> None:
    with pytest.raises(ConfigError, match=r"values.yaml:2: has neither an image's name nor a repository"):
        used("api:\n  image: {tag: 1}\n", "values.yaml", ("api.image",))


def test_images_of_other_registries_may_be_written_in_any_way() -> None:
    assert (
        used("containers: [{image: $(IMAGE)}, {image: 'ALPINE:x y'}, {image: }, {name: no}]").mirrored == ()
    )


def test_aliases_that_lead_in_circles_or_double_at_each_step_end() -> None:
    assert used("a: &a [*a]").mirrored == ()
    levels = "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    found = used(f"a0: &a0 {{containers: [{{image: {ORIGIN}/api:1}}]}}\n{levels}")
    assert len(found.mirrored) == 1
