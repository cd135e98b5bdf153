"""A file has changed when its content has; Kubernetes swaps links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mirror.service.watch import Watch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("one")
    return path


def test_a_new_content_is_a_change_once(file: Path) -> None:
    watch = Watch([file])
    assert not watch.changed()
    file.write_text("two")
    assert watch.changed()
    assert not watch.changed()


def test_a_touched_file_has_not_changed(file: Path) -> None:
    watch = Watch([file])
    os.utime(file, (1, 1))
    file.write_text("one")
    assert not watch.changed()


def test_a_link_that_points_elsewhere_is_a_change(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("two")
    link = tmp_path / "link"
    link.symlink_to(file)
    watch = Watch([link])
    link.unlink()
    link.symlink_to(other)
    assert watch.changed()


def test_a_file_that_is_away_for_a_moment_is_looked_at_when_it_is_back(file: Path) -> None:
    watch = Watch([file])
    file.unlink()
    assert not watch.changed()
    file.write_text("one")
    assert not watch.changed()
    file.write_text("two")
    assert watch.changed()


def test_a_file_that_appears_is_a_change(tmp_path: Path) -> None:
    watch = Watch([tmp_path / "late"])
    assert not watch.changed()
    (tmp_path / "late").write_text("here")
    assert watch.changed()
