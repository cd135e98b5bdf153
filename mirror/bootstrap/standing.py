"""Standing: how everything is, read from the state of a daemon that may not run."""

from __future__ import annotations

from collections.abc import Callable

from mirror.config.model import Config
from mirror.config.model import Mirror as MirrorModel
from mirror.errors import StateEmpty
from mirror.service.standing import Doomed, Mirror, Registry, Standing, Trouble, count, doomed, lag
from mirror.state import attempts, engine
from mirror.state.database import Database
from mirror.state.memory import Memory
from mirror.state.records import Condition, Key, Scope, State, TagRecord
from mirror.sync.patterns import Glob


def read_standing(config: Config, now: float) -> Standing:
    """How everything is by the state. Raises StateError."""
    state = _open(config)
    try:
        troubles = {(found.scope, found.name): _trouble(found) for found in state.conditions()}
        mirrors = tuple(_mirror(config, model, state, troubles, now) for model in config.mirrors)
        return Standing(
            now=now,
            registries=_registries(config, troubles, mirrors),
            mirrors=mirrors,
            behind=tuple(record for record in state.tags() if record.counts and record.progress != "in_sync"),
            doomed=tuple(
                one for model in config.mirrors for one in doomed(state.tags(model.name), prune_after(model))
            ),
        )
    finally:
        state.close()


def prune_after(model: MirrorModel) -> float | None:
    """Seconds that the source must have lacked a tag before it is deleted from the target; None: never."""
    return model.prune_after.total_seconds() if model.prune else None


def to_be_deleted(config: Config, model: MirrorModel) -> tuple[Doomed, ...] | None:
    """What `prune` will delete from the target of a mirror, by a state that is only read; None: there is no state.

    Raises StateError.
    """
    if engine.is_missing(config.state.url):
        return None
    try:
        state = Database(config.state.url, read_only=True)
    except StateEmpty:
        return None
    try:
        return doomed(state.tags(model.name), prune_after(model))
    finally:
        state.close()


def requeue(config: Config, pattern: str) -> list[str]:
    """Forget the failures of the tags that match; their names. Raises ConfigError, StateError."""
    matches = _matcher(pattern)
    state = _open(config)
    try:
        found = [record for record in state.tags() if record.reason and matches(record.key)]
        state.save(attempts.settled(record) for record in found)
        return [_name(record) for record in found]
    finally:
        state.close()


def _mirror(
    config: Config,
    model: MirrorModel,
    state: State,
    troubles: dict[tuple[Scope, str], Trouble],
    now: float,
) -> Mirror:
    records = state.tags(model.name)
    passes = tuple(state.passes(model.name, 100))
    return Mirror(
        name=model.name,
        source=config.registries[model.source].host,
        target=config.registries[model.target].host,
        tags=count(records),
        lag=lag(records, now),
        frozen=troubles.get(("mirror", model.name)),
        last_success=next((record.ended for record in passes if record.result == "ok"), None),
        passes=passes[:10],
    )


def _registries(
    config: Config, troubles: dict[tuple[Scope, str], Trouble], mirrors: tuple[Mirror, ...]
) -> tuple[Registry, ...]:
    """A registry has answered when a pass found something at both of its ends."""
    fruitful = [mirror for mirror in mirrors if any(one.copied or one.unchanged for one in mirror.passes)]
    contacted = {host for mirror in fruitful for host in (mirror.source, mirror.target)}
    used = dict.fromkeys(name for model in config.mirrors for name in (model.source, model.target))
    models = [config.registries[name] for name in used]
    return tuple(
        Registry(
            model.host,
            model.kind,
            troubles.get(("registry", model.host)),
            contacted=model.host in contacted,
        )
        for model in models
    )


def _trouble(condition: Condition) -> Trouble:
    return Trouble(condition.since, condition.reason, condition.message)


def _open(config: Config) -> State:
    """The state. Where there is none yet, none is made: it would be owned by whoever only asked."""
    return Memory() if engine.is_missing(config.state.url) else Database(config.state.url)


def _matcher(pattern: str) -> Callable[[Key], bool]:
    repositories, _, tags = pattern.partition(":")
    path, tag = Glob.parse(repositories), Glob.parse(tags or "*")
    return lambda key: path.matches(key.repository) and tag.matches(key.tag)


def _name(record: TagRecord) -> str:
    return f"{record.key.repository}:{record.key.tag}"
