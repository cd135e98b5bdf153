"""What the user may type, what it means, and what is said of a mistake."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mirror.cli import options, streams
from mirror.cli.app import main
from mirror.cli.command import Command, Group, sentence, split
from mirror.cli.commands import PROGRAM
from mirror.cli.exits import Exit
from mirror.cli.parser import Parser, columns, likely, misspelled

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GCR_MIRROR_CONFIG", "GCR_MIRROR_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def given(*words: str) -> dict[str, Any]:
    """What the words of a command mean, which is not run."""
    name, *rest = words
    return PROGRAM.commands[name].parser(f"gcr-mirror {name}").parse(rest)


def every(group: Group = PROGRAM, *before: str) -> list[tuple[str, ...]]:
    """The words of each command and group."""
    found = []
    for name, command in group.commands.items():
        found.append((*before, name))
        if isinstance(command, Group):
            found += every(command, *before, name)
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("snyc", "there is no command 'snyc'; did you mean sync? (see `gcr-mirror --help`)"),
        ("blorp", "there is no command 'blorp' (see `gcr-mirror --help`)"),
        ("config chek", "there is no command 'chek'; did you mean check? (see `gcr-mirror config --help`)"),
        (
            "kubernetes failover onn",
            "there is no command 'onn'; did you mean on? (see `gcr-mirror kubernetes failover --help`)",
        ),
        ("--debg sync", "there is no option --debg; did you mean --debug? (see `gcr-mirror --help`)"),
        ("config --json check", "there is no option --json (see `gcr-mirror config --help`)"),
        (
            "sync --confg x",
            "there is no option --confg; did you mean --config? (see `gcr-mirror sync --help`)",
        ),
        ("sync -c x -q", "unrecognized arguments: -q (see `gcr-mirror sync --help`)"),
        ("sync", "the following arguments are required: -c/--config (see `gcr-mirror sync --help`)"),
        ("sync -c", "argument -c/--config: expected one argument (see `gcr-mirror sync --help`)"),
        ("sync -c x y", "unrecognized arguments: y (see `gcr-mirror sync --help`)"),
        ("sync -c x --json=yes", "argument --json: ignored explicit argument 'yes' (see `gcr-mirror sync --help`)"),
        ("copy x", "the following arguments are required: target (see `gcr-mirror copy --help`)"),
        ("push x --attempts 0", "argument --attempts: 0 is less than 1 (see `gcr-mirror push --help`)"),
        ("push x --attempts two", "argument --attempts: invalid number value: 'two' (see `gcr-mirror push --help`)"),
        (
            "kubernetes failover on --timeout -1",
            "argument --timeout: -1 is less than 0 (see `gcr-mirror kubernetes failover on --help`)",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_said_in_one_line_with_the_way_to_help(words: str, said: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == Exit.USAGE
    assert capsys.readouterr() == ("", f"gcr-mirror: {said}\n")


def test_a_choice_that_is_none_is_refused_with_those_that_are(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["push", "x", "--on-partial-failure", "shrug"])
    said = capsys.readouterr().err
    assert "--on-partial-failure" in said
    assert all(word in said for word in ("'shrug'", "fail", "warn"))


@pytest.mark.parametrize("option", ["--conf", "--mirr", "--dry"])
def test_options_are_not_abbreviated(option: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["sync", "-c", "x", option, "y"])
    assert f"there is no option {option}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["config"], ["kubernetes"], ["kubernetes", "failover"], ["--debug"]])
def test_a_group_without_a_command_is_a_mistake_that_shows_the_help(
    words: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCR_MIRROR_DEBUG", "")  # so that it is unset again
    assert main(words) is Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "\ncommands:\n" in err


@pytest.mark.parametrize("words", [(), *every()], ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(words: tuple[str, ...], option: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, option])
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(" ".join(["usage: gcr-mirror", *words, "["]))
    assert "Show this message and exit." in out
    assert "%(" not in out
    assert "SUPPRESS" not in out


def test_the_help_of_a_group_lists_its_commands_with_a_sentence_for_each(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("\ncommands:\n")[2]
    names = [line.split()[0] for line in listed.splitlines() if line[:3].strip()]
    assert [name for name in names if name in PROGRAM.commands] == list(PROGRAM.commands)
    assert "  sync        Bring every mirror in step, once.\n" in listed


def test_help_keeps_paragraphs_and_lines_fit_the_terminal(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        main(["push", "-h"])
    out = capsys.readouterr().out
    assert "\n\nA registry that is down keeps nothing from the others." in out
    assert max(map(len, out.splitlines())) <= 60


def test_help_says_what_is_when_nothing_is_said(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["push", "-h"])
    said = " ".join(capsys.readouterr().out.split())
    assert "at least 1. (default: 5)" in said
    assert "(default: fail)" in said


def test_the_version_is_said_before_anything_else(capsys: Capture) -> None:
    assert main(["--version", "blorp"]) is Exit.IN_SYNC
    assert capsys.readouterr().out.startswith("gcr-mirror ")


class TestMeaning:
    """What a function is called with."""

    def test_the_environment_names_the_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GCR_MIRROR_CONFIG", "there.yaml")
        assert given("run") == {"config": Path("there.yaml")}
        assert given("run", "-c", "here.yaml") == {"config": Path("here.yaml")}

    def test_an_empty_environment_names_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GCR_MIRROR_CONFIG", "")
        with pytest.raises(SystemExit):
            given("run")

    def test_what_is_not_said_has_its_default(self) -> None:
        assert given("sync", "-c", "x") == {
            "config": Path("x"),
            "mirror": [],
            "dry_run": False,
            "as_json": False,
        }
        assert given("push", "api:1") == {
            "image": "api:1",
            "to": [],
            "attempts": 5,
            "on_partial_failure": "fail",
            "as_json": False,
            "insecure": [],
            "ca_file": None,
        }

    def test_an_option_may_be_repeated(self) -> None:
        assert given("sync", "-c", "x", "--mirror", "a", "--mirror=b")["mirror"] == ["a", "b"]
        assert given("sync", "-c", "x")["mirror"] == []

    @pytest.mark.parametrize("words", ["-c x from a/**", "from -c x a/**", "from a/** -c x"])
    def test_options_may_stand_between_arguments(self, words: str) -> None:
        found = given("list", *words.split())
        assert (found["registry"], found["pattern"]) == ("from", "a/**")

    def test_what_follows_two_dashes_is_no_option(self) -> None:
        parser = Parser("x", "")
        parser.add_argument("files", nargs="+")
        parser.add_argument("--pin", action="store_true")
        assert parser.parse(["--pin", "--", "--a", "-b"]) == {"files": ["--a", "-b"], "pin": True}
        assert parser.parse(["-", "--pin", "b"]) == {"files": ["-", "b"], "pin": True}

    def test_numbers_are_numbers(self) -> None:
        assert given("push", "x", "--attempts", "7")["attempts"] == 7


def test_the_function_is_called_with_what_its_options_say_and_its_exit_is_the_end() -> None:
    seen: list[Path] = []

    def act(config: Path) -> Exit:
        """Do it. And more."""
        seen.append(config)
        return Exit.PARTIAL

    group = Group("Some.", {"act": Command(act, options.config_file)})
    assert group.run("gcr-mirror some", ["act", "-c", "here"]) is Exit.PARTIAL
    assert seen == [Path("here")]


def test_looking_for_a_name_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr("mirror.cli.commands.import_module", refuse)
    assert "sync" in PROGRAM.commands
    assert "blorp" not in PROGRAM.commands
    assert len(list(PROGRAM.commands)) == len(PROGRAM.commands)
    with pytest.raises(KeyError):
        PROGRAM.commands["blorp"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("--mirror a", None),
        ("--mirror=a", None),
        ("--miror=a", "--miror"),
        ("-x --miror", "--miror"),
        ("-- --miror", None),
    ],
)
def test_a_misspelled_option_is_found(words: str, wrong: str | None) -> None:
    assert misspelled(words.split(), ["--mirror", "--json"]) == wrong


def test_words_with_spaces_are_arguments() -> None:
    assert misspelled(["--not an option"], ["--mirror"]) is None


def test_what_is_like_nothing_has_no_suggestion() -> None:
    assert likely("blorp", ["sync", "copy"]) == ""
    assert likely("cop", ["sync", "copy"]) == "; did you mean copy?"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One: two.", "One: two."),
        ("One. Two.", "One."),
        ("hosts.toml for\n    nodes. Two.\n\n    Three.", "hosts.toml for nodes."),
        ("Is it?\n\nYes.", "Is it?"),
    ],
)
def test_the_first_sentence(text: str, first: str) -> None:
    assert sentence(text) == first


def test_options_of_a_group_end_where_the_command_begins() -> None:
    assert split(["--debug", "sync", "-c", "x"]) == (["--debug"], ["sync", "-c", "x"])
    assert split(["--help"]) == (["--help"], [])


@pytest.mark.parametrize(("said", "wide"), [("120", 120), ("0", 80), ("wide", 80), ("-5", 80)])
def test_the_width_of_the_terminal(said: str, wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal() -> None:
        raise OSError

    monkeypatch.setattr("os.get_terminal_size", no_terminal)
    monkeypatch.setenv("COLUMNS", said)
    assert columns() == wide


@pytest.mark.parametrize(("text", "kind"), [("nan", float), ("-0.1", float), ("0", int)])
def test_a_number_below_the_bound_is_refused(text: str, kind: Callable[[str], float]) -> None:
    least = 1 if kind is int else 0
    with pytest.raises(argparse.ArgumentTypeError, match="less than"):
        options.at_least(least, kind)(text)


def test_a_note_nobody_can_read_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("sys.stderr", None)
    streams.tell("there")
    streams.say("there")
    assert capsys.readouterr().out == ""
