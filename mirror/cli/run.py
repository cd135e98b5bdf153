"""`gcr-mirror run`: the daemon, its signals, and its configuration that may change."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.options import config_file, load
from mirror.errors import MirrorError, StateError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.bootstrap.station import Station
    from mirror.config.model import Config
    from mirror.service.server import Server

# Seconds (beats) between tries to open a state that cannot be used.
_REOPEN_EVERY = 5


def run(config: Path) -> Exit:
    """Keep every mirror in step until SIGTERM; serve metrics and the status page.

    SIGHUP, or a change of the file, loads the configuration anew; one that is not valid is reported, and the old
    one stays. A second SIGTERM or Ctrl-C ends at once.
    """
    from mirror.bootstrap.station import Station, open_ledger
    from mirror.service.footprint import share_heaps
    from mirror.service.logs import EventLog, logger

    share_heaps()
    log = logger(sys.stderr)
    loaded = load(config)
    ledger = open_ledger(loaded, log.warning)
    station = Station(loaded, ledger, os.environ, listen=EventLog(log, ledger.attempts))
    with _served(station, loaded) as server:
        log.info("started", listen=f"port {server.port}", mirrors=len(loaded.mirrors))
        _Run(config, loaded, station, log).until_stopped()
    log.info("stopped")
    return Exit.IN_SYNC


RUN = Command(run, config_file)


@contextmanager
def _served(station: Station, config: Config) -> Iterator[Server]:
    from mirror.service.server import Server
    from mirror.service.web import create_app

    server = Server(create_app(station.daemon), config.service.listen)
    try:
        yield server
    finally:
        server.stop()


class _Run:
    """What happens every second beside the mirrors: signals, the configuration file, a state that comes back."""

    def __init__(self, path: Path, config: Config, station: Station, log: Any) -> None:
        from mirror.service.watch import Watch

        self._path = path
        self._config = config
        self._station = station
        self._log = log
        self._watch = Watch(self._files())
        self._asked_to_stop = self._asked_to_load = False
        self._beats = 0

    def until_stopped(self) -> None:
        """Run; when told to stop, let the copies that run end within the grace period."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)
        daemon = self._station.daemon
        daemon.run(self._beat)
        if not daemon.join(daemon.settings.grace):
            self._log.warning("the grace period is over; copies that run are broken off")
            self._station.clock.stop()
            daemon.join(10)
        daemon.ledger.flush()
        daemon.ledger.state.close()

    def _on_stop(self, number: int, _: object) -> None:
        if self._asked_to_stop:
            os._exit(128 + number)
        self._asked_to_stop = True

    def _on_hangup(self, _: int, __: object) -> None:
        self._asked_to_load = True

    def _beat(self) -> None:
        self._beats += 1
        if self._asked_to_stop:
            self._log.info("stopping: no new copies")
            self._station.daemon.stop()
        elif self._watch.changed() or self._asked_to_load:
            self._asked_to_load = False
            self._reload()
        elif self._beats % _REOPEN_EVERY == 0 and self._state_is_away():
            self._reopen()

    def _reload(self) -> None:
        from mirror.bootstrap.station import check_same_state
        from mirror.service.watch import Watch

        try:
            new = load(self._path)
            check_same_state(self._config, new)
            self._station.take_over(new)
        except MirrorError as error:
            self._station.daemon.metrics.reloaded(success=False)
            self._log.error("the new configuration is not used, the old one stays", cause=str(error))
            return
        self._config = new
        self._watch = Watch(self._files())
        self._station.daemon.metrics.reloaded(success=True)
        self._log.info("configuration loaded", mirrors=len(new.mirrors))

    def _state_is_away(self) -> bool:
        """Whether the state cannot be used, or its file was deleted under it, which SQLite does not notice."""
        from mirror.state.engine import is_missing

        return bool(self._station.daemon.ledger.trouble) or is_missing(self._config.state.url)

    def _reopen(self) -> None:
        from mirror.bootstrap.station import open_state

        try:
            self._station.daemon.ledger.adopt(open_state(self._config, self._log.warning))
        except StateError as error:
            self._station.daemon.ledger.detached = str(error)
            return
        self._log.info("the state is open again")

    def _files(self) -> list[Path]:
        secret = self._config.service.hook_secret_file
        return [self._path, *([secret] if secret else [])]
