"""YAML documents: plain values with lines, everything else refused early."""

from __future__ import annotations

import pytest

from vesiflow.documents import MAX_DEPTH, MAX_VALUES, DocumentError, parse, read, scan


def test_values_have_lines_and_types() -> None:
    document = parse("a: 1\nb:\n  - x\n  - {c: 2 L, d: yes}\n", "f.yaml")
    assert document.data == {"a": 1, "b": ["x", {"c": "2 L", "d": True}]}
    assert document.line(("b", 1, "c")) == 4
    assert document.line(("b", 1, "c", "nothing", 7)) == 4
    assert str(document.problem(("b", 0), "is wrong")) == "f.yaml:3: b[0]: is wrong"


def test_words_stay_what_was_written() -> None:
    assert scan("v: 1.10\nn: no\nq: '1'\nt: 1:30\ne:\n", "f", words=True).data == {
        "v": "1.10", "n": "no", "q": "1", "t": "1:30", "e": None,
    }  # fmt: skip


def test_duplicate_keys_are_all_named() -> None:
    with pytest.raises(DocumentError) as caught:
        parse("a: 1\nb: {c: 1, c: 2}\na: 2\n", "f")
    assert str(caught.value).splitlines() == [
        "f:2: b.c: key twice, first in line 2",
        "f:3: a: key twice, first in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: &x 1\nb: *x", 1, "anchors"),
        ("a: 1\nb: *x", 2, "anchors"),
        ("a: !!python/object/apply:os.system [ls]", 1, "tags"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("a: 1\n? [b]\n: 2", 2, "key must be a word"),
        ("a: 1\nb: ]", 2, ""),
        ("a: 2001-99-99", 1, "is no value"),
        ("a: \x01", 1, "not YAML"),
        ("[" * (MAX_DEPTH + 2), 1, "nested deeper"),
        ("[" + "1," * (MAX_VALUES + 1) + "]", 1, "more than"),
    ],
)
def test_refused(text: str, line: int, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(text, "f")
    (problem,) = caught.value.problems
    assert problem.line == line
    assert reason in problem.reason


def test_files_that_cannot_be_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "latin").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "large").write_bytes(b"#" * (2**20 + 1))
    for name, line, reason in [
        ("latin", 2, "not UTF-8"), ("large", 1, "larger than"), ("none", 1, "No such file"), (".", 1, "not a file"),
    ]:  # fmt: skip
        with pytest.raises(DocumentError) as caught:
            read(tmp_path / name)
        assert (caught.value.problems[0].line, reason in caught.value.problems[0].reason) == (line, True)
        assert caught.value.exit_code == 2
