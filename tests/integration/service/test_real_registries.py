"""The daemon between two real registries, of which one goes down and comes back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mirror.bootstrap.station import Station
from mirror.config import load
from mirror.events import Copied, Event, Failed
from mirror.service.ledger import Ledger
from mirror.state.database import Database
from tests.servers.house import HOUR, HandClock
from tests.servers.real_house import RealHouse
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed


def station(folder: Path, source: Registry, target: Registry, told: list[Event], clock: HandClock) -> Station:
    def registry(one: Registry) -> dict[str, object]:
        return {"kind": "oci", "host": one.host, "insecure": True}

    mirror = {
        "name": "shop",
        "source": "from",
        "target": "to",
        "repositories": ["acme/api"],
        "prefix": "copy",
    }
    file = folder / "config.yaml"
    registries = {"from": registry(source), "to": registry(target)}
    file.write_text(json.dumps({"registries": registries, "mirrors": [mirror]}))
    config = load(file, {})
    ledger = Ledger(Database(config.state.url), clock.now, lambda: 0.5)
    return Station(config, ledger, {}, listen=told.append, clock=clock)


def test_an_outage_between_real_registries_is_lived_through(registries: Registries, tmp_path: Path) -> None:
    source, target, told, clock = registries(), registries(), list[Event](), HandClock()
    seed = Seed(source.url, "acme/api")
    seed.image("1.0", layers=[b"one", b"shared"])
    daemon = station(tmp_path, source, target, told, clock).daemon

    def live(seconds: float) -> None:
        end = clock.seconds + seconds
        while clock.seconds < end:
            daemon.turn()
            clock.seconds += 5

    live(10)
    assert [event.tag for event in told if isinstance(event, Copied)] == ["1.0"]
    seed.image("1.1", layers=[b"two", b"shared"])
    source.stop()
    live(2 * 3600)
    assert daemon.standing().mirrors[0].frozen is not None
    assert [event for event in told if isinstance(event, Failed)] == []
    source.start()
    target.forget_requests()
    live(120)
    assert daemon.standing().mirrors[0].frozen is None
    assert [event.tag for event in told if isinstance(event, Copied)] == ["1.0", "1.1"]
    assert target.count("PUT", "/blobs/uploads/") == 2, (
        "the new layer and the new config; the shared layer was there"
    )
    target.stop()
    seed.image("1.2")
    live(3600)
    assert daemon.standing().mirrors[0].frozen is not None
    target.start()
    live(120)
    assert daemon.standing().in_sync == 3
    daemon.ledger.state.close()


def test_a_registry_that_deletes_no_tags_says_so_once_and_keeps_them(
    registries: Registries, tmp_path: Path
) -> None:
    source, target = registries(), registries()
    shop = RealHouse(
        tmp_path, source, target, prune=True, prune_after="1h", interval="10m", guard={"max_disappeared": 1}
    )
    shop.push("1", "2", "3")
    shop.turn()
    for tag in ("2", "3"):
        shutil.rmtree(next(source.directory.rglob(f"_manifests/tags/{tag}")))
    shop.pass_time(3 * HOUR)
    (told,) = shop.failed
    assert (told.reason, told.temporary) == ("unsupported", False)
    assert f"{target.host} does not delete tags (DIGEST_INVALID" in told.message
    assert "set prune: false for this mirror" in told.message
    assert target.count("DELETE") == 1
    assert set(Seed(target.url, "acme/shop/api").tags()) == {"1", "2", "3"}
    assert shop.daemon.ledger.passes("shop", 1)[0].result == "ok", "and does not alarm for ever"
    assert shop.daemon.standing().doomed == ()
    shop.station.take_over(shop.configure(prune=True, prune_after="1h", interval="10m"))
    shop.turn()
    assert target.count("DELETE") == 2, "a configuration that is loaded anew is believed anew"
