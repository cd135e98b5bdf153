"""The demo's stage has two registries and a configuration that names them."""

from __future__ import annotations

import json
from pathlib import Path

import requests
from ruamel.yaml import YAML

from mirror.demo.show import stage


def test_the_configuration_leads_to_two_registries_that_let_it_in(tmp_path: Path) -> None:
    with stage(tmp_path / "demo") as path:
        config = YAML(typ="safe").load(path)
        gitlab, google = config["registries"]["gitlab"], config["registries"]["gcr"]
        token = Path(gitlab["credentials"]["password_file"]).read_text()
        key = Path(google["credentials"]["json_key_file"]).read_text()
        found = requests.get(
            f"{gitlab['api_url']}/api/v4/projects/acme%2Fshop/registry/repositories",
            headers={"Private-Token": token},
            timeout=10,
        )
        assert "acme/shop/api" in [one["path"] for one in found.json()]
        scope = f"repository:{google['project']}/{config['mirrors'][0]['prefix']}/acme/shop/api:pull,push"
        login = ("_json_key", key)
        answer = requests.get(
            f"http://{google['host']}/v2/token", params={"scope": scope}, auth=login, timeout=10
        )
        assert answer.status_code == 200
    assert json.loads(key)["project_id"] == google["project"]


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    with stage(tmp_path) as path:
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir() if file.is_file()}
    assert modes["gitlab-token"] == modes["key.json"] == 0o600
