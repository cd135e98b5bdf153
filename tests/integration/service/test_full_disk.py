"""The disk of the state is full: the work goes on, it is said, and nothing of it is lost when there is room again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mirror.service.verdict import verdict
from mirror.state.database import Database
from tests.servers.house import MINUTE, House
from tests.servers.small_disk import SmallDisk, small_disk


def test_a_full_disk_stops_no_copy_and_is_made_up_for_when_it_is_freed(
    shop: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", monkeypatch) as disk:
        url = f"sqlite:///{disk.folder}/state.db"
        shop.begin(Database(url))
        shop.push("1")
        shop.turn()
        assert shop.daemon.ledger.trouble == ""
        disk.fill()
        if isinstance(disk, SmallDisk):
            with pytest.raises(OSError, match="No space left"):
                (disk.folder / "more").write_bytes(b"more")
        shop.push(*(f"2.{number}" for number in range(60)))
        shop.pass_time(10 * MINUTE)
        assert "the disk is full" in shop.daemon.ledger.trouble
        assert shop.daemon.why_not_ready() == shop.daemon.ledger.trouble
        assert "all 61 tags can be pulled from Google" in verdict(shop.daemon.standing()).sentence
        assert len(shop.copied) == 61, "each once"
        assert shop.failed == []
        before = len(_in_step(disk.folder))
        assert before < 61, "it could not be written"
        disk.free()
        shop.pass_time(10 * MINUTE)
        assert shop.daemon.ledger.trouble == ""
        assert shop.daemon.why_not_ready() == ""
        assert len(_in_step(disk.folder)) == 61
        assert len(shop.copied) == 61
        shop.daemon.ledger.state.close()


def _in_step(folder: Path) -> list[tuple[str]]:
    """What somebody else reads in the file, which is sound at any time."""
    state = sqlite3.connect(folder / "state.db")
    try:
        assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return state.execute("SELECT tag FROM tags WHERE source_digest = target_digest").fetchall()
    finally:
        state.close()
