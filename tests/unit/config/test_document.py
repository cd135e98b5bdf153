from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.config.document import Document


def read(text: str, **env: str) -> Document:
    return Document.read(text, env)


def faults(document: Document) -> list[tuple[int, str]]:
    return [(finding.line, finding.message) for finding in document.findings]


def test_every_value_has_the_line_of_its_key_or_entry() -> None:
    document = read("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n")
    assert document.data == {"a": {"b": 1, "c": ["x", {"d": 2}]}}
    assert [
        document.line(path) for path in ((), ("a", "b"), ("a", "c"), ("a", "c", 1), ("a", "c", 1, "d"))
    ] == [
        *(1, 2, 3),
        *(5, 5),
    ]


def test_what_has_no_line_has_that_of_what_is_around_it() -> None:
    assert read("a:\n  b: 1\n").line(("a", "b", "missing")) == 2


def test_variables_are_filled_in_and_mean_what_they_would_mean_in_the_file() -> None:
    document = read(
        'a: ${A}-x\nb: ${B}\nc: "${B}"\nd: $${A}\ne: "$5"\n',
        A="[not yaml]",
        B="5",
    )
    assert document.data == {"a": "[not yaml]-x", "b": 5, "c": "5", "d": "${A}", "e": "$5"}
    assert not document.findings
    assert document.variables[("a",)] == {"A": "[not yaml]"}


def test_a_variable_that_is_not_set_is_named_with_its_line() -> None:
    document = read("a: 1\nb: [1, '${NOPE}']\n")
    assert [(line, "NOPE is not set; export it" in message) for line, message in faults(document)] == [
        (2, True)
    ]
    assert document.unread == {("b", 1)}


@pytest.mark.parametrize("text", ["a: ${A:-x}", "a: '${'", "a: ${1}"])
def test_other_kinds_of_expansion_are_refused(text: str) -> None:
    assert "is not ${NAME}" in faults(read(text, A="1"))[0][1]


def test_a_variable_in_place_of_its_name_is_refused_before_it_can_be_shown() -> None:
    document = read("password_env: ${TOKEN}", TOKEN="hunter2")
    assert "wants the name of a variable" in faults(document)[0][1]
    assert "hunter2" not in str(document.data)


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("a: 1\nb: [1\nc: 2\n", 3, "is not YAML: expected ',' or ']'"),
        ("a: 1\n\tb: 2", 2, "indent with spaces, not tabs"),
        ("a: {b: ${C}}", 1, "put ${...} in quotes"),
        ("a:\n  - **/x\n", 2, "in quotes"),
        ("a:\n  - !acme/x\n", 2, "put the text in quotes"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: *x", 1, "undefined alias"),
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("a: \x01", 1, "characters that YAML does not allow"),
        ("a: 1\nb: 2\na: 3\n", 3, "stands here twice, first in line 1"),
        ("? [a]\n: 1\n", 1, "a key must be plain text"),
        ("a: &x [*x]", 1, "repeat without end"),
        ("a: 1\n<<: 3\n", 2, "'<<' takes a mapping"),
        ("a: 9999-99-99", 1, "put it in quotes"),
        ("[" * 5000, 1, "is not YAML"),
    ],
)
def test_bad_yaml_is_told_with_line_and_fix(text: str, line: int, fault: str) -> None:
    found = faults(read(text))
    assert (found[0][0], fault in found[0][1]) == (line, True), found


def test_a_fault_of_the_syntax_does_not_repeat_the_text_around_it() -> None:
    assert "hunter2" not in str(faults(read("password: hunter2\n  x: ]\n")))
    assert "hunter2" not in str(faults(read("password: hunter2\npassword: hunter2\n")))


def test_merged_keys_are_there_and_what_stands_beside_them_wins() -> None:
    document = read("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n")
    assert document.data["y"] == {"a": 1, "b": 3}
    document = read("x: &x {a: 1}\ny: &y {a: 2, c: 3}\nz:\n  <<: [*x, *y]\n")
    assert document.data["z"] == {"a": 1, "c": 3}


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    assert [message for _, message in faults(read(text))] == [
        "the aliases here repeat without end; write the values out"
    ]


@given(st.text("ab:-[]{}&*!|>'\"$#%@?, \n\t0", max_size=30))
def test_any_text_is_a_document_or_has_findings(text: str) -> None:
    document = read(text, a="1")
    assert document.data is not None or document.findings or text.strip()
    assert all(finding.line <= text.count("\n") + 1 for finding in document.findings)
