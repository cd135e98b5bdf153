"""Gcloud: the commands that the program prints, run by a real shell, and taken to heart by the stand-in for Google."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.servers.google_cloud import GoogleCloud

_SCRIPT = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["projects", "describe"]:
    print({number!r})
"""


class Gcloud:
    """Runs printed commands in `folder`. An unknown command or flag is an AssertionError."""

    def __init__(self, folder: Path, cloud: GoogleCloud) -> None:
        self._folder = folder
        self.cloud = cloud
        self._log = folder / "gcloud.log"
        script = folder / "gcloud"
        script.write_text(
            _SCRIPT.format(python=sys.executable, log=str(self._log), number=cloud.number), "utf-8"
        )
        script.chmod(0o755)

    def run(self, command: str) -> None:
        """Run one command line, as if pasted."""
        self._log.unlink(missing_ok=True)
        self.shell(command)
        for line in self._log.read_text("utf-8").splitlines():
            self._follow(json.loads(line))

    def shell(self, command: str) -> None:
        """Run a command line that is not gcloud's."""
        path = f"{self._folder}:/usr/bin:/bin"
        subprocess.run(
            ["sh", "-eu", "-c", command], cwd=self._folder, env={"PATH": path}, check=True, timeout=30
        )

    def _follow(self, argv: list[str]) -> None:
        words = [word for word in argv if not word.startswith("--")]
        flags = dict(word[2:].partition("=")[::2] for word in argv if word.startswith("--"))
        project = flags.pop("project", self.cloud.project)
        assert project == self.cloud.project
        group = " ".join(words[:-1])
        subject = words[-1]
        binding = re.fullmatch(r"(.+) (add|remove)-iam-policy-binding", group)
        if binding:
            self._bind(binding[1], subject, binding[2] == "add", flags)
        elif group != "projects describe":
            act = getattr(self, "_" + group.replace(" ", "_").replace("-", "_"), None)
            assert act is not None, f"gcloud {group} is not known here"
            act(subject, flags)
        assert not flags or group == "projects describe", f"flags that were not looked at: {flags}"

    def _bind(self, group: str, subject: str, add: bool, flags: dict[str, str]) -> None:
        member, role = flags.pop("member"), flags.pop("role")
        assert flags.pop("condition", "None") == "None"
        flags.pop("all", None)
        if group == "storage buckets":
            self.cloud.buckets.give(subject.removeprefix("gs://"), role, member)
            return
        project = f"projects/{self.cloud.project}"
        resource = {
            "artifacts repositories": lambda: (
                f"{project}/locations/{flags.pop('location')}/repositories/{subject}"
            ),
            "iam service-accounts": lambda: f"{project}/serviceAccounts/{subject}",
            "projects": lambda: f"projects/{subject}",
        }[group]()
        if add:
            self.cloud.give(resource, role, member)
        else:
            self.cloud.take(resource, role, member)

    def _services_enable(self, service: str, _flags: dict[str, str]) -> None:
        self.cloud.enabled.add(service.removesuffix(".googleapis.com"))

    def _artifacts_repositories_create(self, name: str, flags: dict[str, str]) -> None:
        assert flags.pop("repository-format") == "docker"
        full = f"projects/{self.cloud.project}/locations/{flags.pop('location')}/repositories/{name}"
        self.cloud.repositories[full] = {"name": full, "format": "DOCKER"}

    def _artifacts_repositories_update(self, name: str, flags: dict[str, str]) -> None:
        flags.pop("no-immutable-tags")
        full = f"projects/{self.cloud.project}/locations/{flags.pop('location')}/repositories/{name}"
        self.cloud.repositories[full].pop("dockerConfig")

    def _iam_service_accounts_create(self, name: str, flags: dict[str, str]) -> None:
        email = f"{name}@{self.cloud.project}.iam.gserviceaccount.com"
        full = f"projects/{self.cloud.project}/serviceAccounts/{email}"
        self.cloud.accounts[full] = {"name": full, "email": email, "displayName": flags.pop("display-name")}

    def _iam_service_accounts_keys_create(self, file: str, flags: dict[str, str]) -> None:
        key = {**self.cloud.key(), "client_email": flags.pop("iam-account")}
        (self._folder / file).write_text(json.dumps(key), "utf-8")
        self.cloud.keys.append(key["private_key_id"])

    def _iam_workload_identity_pools_create(self, name: str, flags: dict[str, str]) -> None:
        full = f"projects/{self.cloud.project}/locations/{flags.pop('location')}/workloadIdentityPools/{name}"
        self.cloud.pools[full] = {"name": full}

    def _iam_workload_identity_pools_providers_create_oidc(self, name: str, flags: dict[str, str]) -> None:
        pool = flags.pop("workload-identity-pool")
        parent = (
            f"projects/{self.cloud.project}/locations/{flags.pop('location')}/workloadIdentityPools/{pool}"
        )
        self.cloud.pools[f"{parent}/providers/{name}"] = {
            "name": f"{parent}/providers/{name}",
            "oidc": {
                "issuerUri": flags.pop("issuer-uri"),
                "allowedAudiences": [flags.pop("allowed-audiences")],
            },
            "attributeMapping": dict(
                entry.partition("=")[::2] for entry in flags.pop("attribute-mapping").split(",")
            ),
            "attributeCondition": flags.pop("attribute-condition"),
        }

    def _iam_workload_identity_pools_create_cred_config(self, provider: str, flags: dict[str, str]) -> None:
        assert provider.startswith(f"projects/{self.cloud.number}/")
        assert flags.pop("service-account").endswith(".iam.gserviceaccount.com")
        assert flags.pop("credential-source-file")
        (self._folder / flags.pop("output-file")).write_text("{}", "utf-8")

    def _storage_rm(self, bucket: str, flags: dict[str, str]) -> None:
        flags.pop("recursive")
        self.cloud.buckets.delete(bucket.removeprefix("gs://"))
