"""How documents are read before they are believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.markdown import Step, anchors, blocks, code, links, prose, shows, steps, usages

DOCUMENT = """\
# Title

See [the other](other.md#part), ![a picture](a.png "title") and `[no](link.md)`.

[ref]: https://example.com/x

```yaml config.yaml
a: 1
# no heading
```

1. An item

   ```console
   $ gcr-mirror --version
   1.0
   ```

## What `it` does: here!
## What `it` does: here!
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(DOCUMENT)
    return path


def test_blocks_have_their_language_name_and_place(document: Path) -> None:
    first, second = blocks(document)
    assert (first.language, first.name, first.line) == ("yaml", "config.yaml", 7)
    assert first.text == "a: 1\n# no heading\n"
    assert (second.language, second.text) == ("console", "$ gcr-mirror --version\n1.0\n")


def test_links_in_code_are_no_links(document: Path) -> None:
    assert links(document) == ["other.md#part", "a.png", "https://example.com/x"]
    assert code(document) == ["[no](link.md)", "it", "it"]


def test_anchors_are_those_of_github(document: Path) -> None:
    assert anchors(document) == {"title", "what-it-does-here", "what-it-does-here-1"}
    assert "no heading" not in prose(document)


def test_a_console_block_is_commands_and_their_outputs() -> None:
    assert steps("$ one \\\n> two\nout\nput\n$ three\n") == [
        Step("one \\\ntwo", "out\nput\n"),
        Step("three", None),
    ]
    with pytest.raises(ValueError, match="begins with"):
        steps("out\n")


def test_the_calls_of_a_program_are_found_in_a_shell_block() -> None:
    text = """\
A=1 gcr-mirror sync -c c.yaml --json | jq .x && gcr-mirror list \\
  'acme/**'   # all that's there
make gcr-mirror-docs > gcr-mirror.log
"""
    assert usages(text) == [
        ["gcr-mirror", "sync", "-c", "c.yaml", "--json"],
        ["gcr-mirror", "list", "acme/**"],
    ]


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        ("copied 3 of 3\n", "copied 3 of 3\n", True),
        ("copied 3 of 3\n", "copied 2 of 3\n", False),
        ("copied 3\n", "copied 3\nfailed 1\n", False),
        ("copied 3\n", "copied 3  \n\n", True),
        ("sha256:4413... 12 B\n", "sha256:44136fa355b3 12 B\n", True),
        ("sha256:4413... 12 B\n", "sha256:44136fa\n355b3 12 B\n", False),
        ("first\n...\nlast\n", "first\nlast\n", True),
        ("first\n...\nlast\n", "first\na\nb\nlast\n", True),
        ("first\n...\nlast\n", "first\na\nb\n", False),
        ("first\n...\n", "first\na\nb\n", True),
        ("a.c\n", "abc\n", False),
    ],
)
def test_three_dots_stand_for_what_may_differ(shown: str, output: str, same: bool) -> None:
    assert shows(shown, output) is same
