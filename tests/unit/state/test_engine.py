"""What goes wrong with the file or server that keeps the state is said in words, with the fix."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mirror.errors import StateDamaged, StateError
from mirror.state import engine, migrations, schema
from mirror.state.database import Database
from mirror.state.records import Key, TagRecord

ONE = TagRecord(Key("m", "r", "t"), source_digest="sha256:1", first_seen=1.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "state.db"


def url(file: Path) -> str:
    return f"sqlite:///{file}"


def filled(file: Path, count: int = 1) -> None:
    state = Database(url(file))
    state.save(TagRecord(Key("m", "r", str(number)), message="x" * 100) for number in range(count))
    state.close()


def test_the_folder_of_the_file_is_made(file: Path) -> None:
    filled(file)
    assert file.exists()


def empty(file: Path) -> sa.Engine:
    file.parent.mkdir()
    return sa.create_engine(url(file))


def test_the_migrations_make_what_the_schema_says(file: Path) -> None:
    opened = empty(file)
    with opened.begin() as connection:
        engine._migrate(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == migrations.HEAD
    opened.dispose()


def test_a_new_database_needs_no_migration_and_takes_later_ones(file: Path) -> None:
    opened = engine.connect(url(file))
    with opened.begin() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == migrations.HEAD
        engine._migrate(connection)
    opened.dispose()


def test_a_database_without_a_version_is_migrated_when_it_has_tables(file: Path) -> None:
    filled(file)
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute("DROP TABLE passes")
        connection.execute("DROP TABLE conditions")
        connection.execute("DROP TABLE tags")
        connection.execute("DROP TABLE alembic_version")
    connection.close()
    state = Database(url(file))
    assert state.tags() == []
    state.close()


def test_a_state_that_is_only_read_is_not_made_nor_migrated_nor_written(file: Path) -> None:
    with pytest.raises(StateError, match="cannot be opened"):
        Database(url(file), read_only=True)
    assert not file.exists()
    filled(file, 3)
    state = Database(url(file), read_only=True)
    assert len(state.tags()) == 3
    with pytest.raises(StateError, match="cannot be written"):
        state.save([ONE])
    state.close()
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    with pytest.raises(StateError, match="written by another version"):
        Database(url(file), read_only=True)


@pytest.mark.parametrize("name", ["with space.db", "per%25cent.db", "has#hash.db", "Zürich 東京.db"])
def test_a_state_is_read_whatever_its_name_is(tmp_path: Path, name: str) -> None:
    state = Database(url(tmp_path / name))
    state.save([ONE])
    state.close()
    state = Database(url(tmp_path / name), read_only=True)
    assert state.tags() == [ONE]
    state.close()


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.HEAD]


def test_opening_an_up_to_date_state_does_not_import_alembic(file: Path) -> None:
    filled(file)
    program = f"""
        import sys
        from mirror.state.database import Database
        Database({url(file)!r}).close()
        sys.exit("alembic" in sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


def test_what_was_written_is_there_after_reopening(file: Path) -> None:
    filled(file, 3)
    state = Database(url(file))
    assert len(state.tags()) == 3
    state.close()


def test_a_file_that_is_not_a_database_is_damaged_and_says_what_to_do(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"certainly not a database " * 100)
    with pytest.raises(StateDamaged, match=r"state\.db is damaged; move the file away.*copies nothing"):
        Database(url(file))


def test_a_file_cut_in_the_middle_is_damaged(file: Path) -> None:
    filled(file, 500)
    with file.open("r+b") as half:
        half.truncate(file.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(StateDamaged):
        Database(url(file))


def test_a_damaged_file_is_set_aside_and_a_new_one_begins(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"rubbish" * 1000)
    aside = engine.set_aside(url(file), 1234.5)
    assert aside == file.with_name("state.db.damaged-1234")
    assert aside.read_bytes() == b"rubbish" * 1000
    state = Database(url(file))
    assert state.tags() == []
    state.close()


def test_only_files_can_be_set_aside() -> None:
    assert engine.set_aside("postgresql://somewhere/db", 0) is None


def test_an_empty_file_is_a_new_state(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    state = Database(url(file))
    assert state.tags() == []
    state.close()


def test_a_locked_file_names_the_cause_and_the_fix(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PRAGMAS", ("journal_mode=WAL", "busy_timeout=10"))
    filled(file)
    state = Database(url(file))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match=r"in use by another process; stop the other gcr-mirror"):
        state.save([ONE])
    other.execute("ROLLBACK")
    other.close()
    state.save([ONE])
    state.close()


def test_a_reader_is_not_held_up_by_a_writer(file: Path) -> None:
    filled(file)
    state = Database(url(file))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(state.tags()) == 1
    other.execute("ROLLBACK")
    other.close()
    state.close()


def test_a_full_disk_names_the_fix_and_what_was_written_before_stays(file: Path) -> None:
    filled(file, 3)
    program = f"""
        import resource, signal
        from mirror.errors import StateError
        from mirror.state.database import Database
        from mirror.state.records import Key, TagRecord
        state = Database({url(file)!r})
        many = [TagRecord(Key("m", "r", f"new{{n}}"), message="y" * 900) for n in range(2000)]
        try:
            state.save(many)
        except StateError as error:
            print(error)
        print(len(state.tags()))
    """

    def small_disk() -> None:
        # Writes beyond this size fail, as they do on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    ran = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(program)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=small_disk,
    )
    message, count = ran.stdout.splitlines()
    assert "the disk is full or failing; look at the disk" in message
    assert count == "3"


def test_a_full_disk_in_sqlites_own_words_is_told_as_one(file: Path) -> None:
    filled(file)
    opened = engine.connect(url(file))
    full = pytest.raises(StateError, match="disk is full; free some space")
    with full, engine.translated(engine.parse(url(file))), opened.begin() as connection:
        connection.execute(sa.text("PRAGMA max_page_count=1"))
        connection.execute(sa.text("CREATE TABLE more AS SELECT zeroblob(100000) AS b"))
    opened.dispose()


def test_a_folder_in_the_place_of_the_file_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be opened; create its folder"):
        Database(url(tmp_path))


def test_a_file_in_the_place_of_the_folder_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be"):
        Database(url(tmp_path / "file" / "state.db"))


def test_a_folder_without_write_access_is_said() -> None:
    said = engine.describe(engine.parse("sqlite:////s/state.db"), PermissionError(13, "Permission denied"))
    assert said.startswith(
        "the state /s/state.db cannot be written; give the user of this process write access"
    )


def test_an_unknown_trouble_keeps_the_librarys_words() -> None:
    said = engine.describe(engine.parse("sqlite:////s/state.db"), OSError("strange"))
    assert said == "the state /s/state.db cannot be used: strange"


def test_a_batch_with_one_bad_record_writes_none_of_it(file: Path) -> None:
    state = Database(url(file))
    with pytest.raises(StateError, match="NOT NULL"):
        state.save([ONE, replace(ONE, key=Key("m", "r", "u"), first_seen=None)])  # type: ignore[arg-type]
    assert state.tags() == []
    state.close()


def test_a_state_of_a_newer_version_is_not_touched(file: Path) -> None:
    filled(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StateError, match="newer gcr-mirror"):
        Database(url(file))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("not a url", "not a database URL"),
        ("mysql://host/db", "mysql is not known"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_wrong_url_says_what_to_write(wrong: str, words: str) -> None:
    with pytest.raises(StateError, match=words):
        Database(wrong)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(StateError, match="does not answer") as caught:
        Database("postgresql://mirror:hunter2@127.0.0.1:1/state")
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


def test_a_user_that_the_server_does_not_know_is_told_as_a_login(postgresql: str) -> None:
    with pytest.raises(StateError, match="refuses the login"):
        Database(postgresql.replace("mirror@", "stranger:hunter2@"))


def test_killing_a_writer_never_leaves_a_half_written_file(file: Path) -> None:
    filled(file)
    program = f"""
        from mirror.state.database import Database
        from mirror.state.records import Key, TagRecord
        state = Database({url(file)!r})
        print("ready", flush=True)
        for round in range(1000000):
            state.save([TagRecord(Key("m", "r", f"{{n}}"), attempts=round) for n in range(50)])
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            writer.stdout.close()
            writer.send_signal(signal.SIGKILL)
        state = Database(url(file))
        found = [record for record in state.tags() if record.key.tag != "0"]
        assert len({record.attempts for record in found}) <= 1, "a batch is whole or absent"
        state.close()
