"""What the daemon does not load: each of these would stay for as long as it runs."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

HEAVY = ("rich", "pygments", "cryptography", "sqlalchemy.dialects.postgresql", "alembic")


def test_the_daemon_does_without_what_costs_megabytes(tmp_path: Path) -> None:
    registry = {"host": "eu.gcr.io", "project": "acme-prod", "credentials": {"json_key_file": "key.json"}}
    registries = {"from": {"kind": "oci", "host": "one.example"}, "to": {"kind": "google", **registry}}
    mirror = {"name": "shop", "source": "from", "target": "to", "repositories": ["acme/api"]}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"registries": registries, "mirrors": [mirror]}))
    key = {
        "type": "service_account",
        "private_key": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "client_email": "x",
        "project_id": "x",
    }
    (tmp_path / "key.json").write_text(json.dumps(key))
    program = f"""
        import sys
        from pathlib import Path
        from mirror.bootstrap.station import Station, open_ledger
        from mirror.config import load
        from mirror.service.logs import logger
        from mirror.service.web import create_app
        from mirror.state.records import Key, TagRecord
        config = load(Path({str(config)!r}), {{}})
        log = logger(sys.stdout)
        ledger = open_ledger(config, log.warning)
        ledger.state.save([TagRecord(Key("shop", "acme/api", "1"))])
        station = Station(config, ledger, {{}})
        create_app(station.daemon)
        endpoint = station.daemon.loops["shop"].job.target.endpoint
        assert endpoint._authority._credential.login().username == "_json_key"
        log.info("ready", heavy=[name for name in {HEAVY!r} if name in sys.modules])
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["heavy"] == []
