"""Which files are scanned, and that no file stops the scan."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_refusals.scan import RULES, scan, scan_source
from otel_refusals.scan.files import CHECKS
from otel_refusals.scan.source import Module
from tests.scan.twins import TWINS

BAD = TWINS["text of a message"][1]
STDLIB = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def write(directory: Path, *names: str) -> None:
    """Files that each hold one finding."""
    for name in names:
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(BAD)


def found(directory: Path, **options: object) -> list[str]:
    """The files below a directory that have findings."""
    return [Path(finding.path).relative_to(directory).as_posix() for finding in scan([directory], **options)]  # type: ignore[arg-type]


def test_every_file_below_a_directory_is_scanned_in_order(tmp_path: Path) -> None:
    """But nothing that is no Python."""
    write(tmp_path, "b.py", "a.py", "deep/er/c.py", "notes.txt")

    assert ["a.py", "b.py", "deep/er/c.py"] == found(tmp_path)


def test_code_of_others_is_left_out(tmp_path: Path) -> None:
    """Virtual environments, by name or by what is in them, installed packages and hidden directories."""
    write(
        tmp_path,
        ".venv/a.py",
        "venv/a.py",
        "mine/a.py",
        "lib/site-packages/a.py",
        "node_modules/a.py",
        ".git/a.py",
        "b.py",
    )
    (tmp_path / "mine" / "pyvenv.cfg").touch()

    assert ["b.py"] == found(tmp_path)


def test_a_path_that_is_named_is_scanned_whatever_its_name(tmp_path: Path) -> None:
    """The exclusions are for what is found below a path."""
    write(tmp_path, "venv/a.py", "script")

    assert 2 == len(list(scan([tmp_path / "venv", tmp_path / "script"])))


def test_patterns_leave_out_more(tmp_path: Path) -> None:
    """Of the whole path below the directory, or of a name."""
    write(tmp_path, "tests/a.py", "b_pb2.py", "c.py")

    assert ["c.py"] == found(tmp_path, exclude=["tests", "*_pb2.py"])
    assert ["b_pb2.py", "c.py"] == found(tmp_path, exclude=["tests/*"])


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """It would look as if nothing were wrong."""
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        list(scan([tmp_path / "nowhere"]))


@pytest.mark.parametrize(
    "source",
    [
        b"def f(:\n",
        b"\0",
        b"# -*- coding: nonsense -*-\n",
        b"\xff\xfe\x00",
        b"(" * 5000,
        b"x = '" + b"\\ud800" + b"'\n\tif",
    ],
    ids=["syntax", "null", "coding", "binary", "deep", "tabs"],
)
def test_a_file_that_cannot_be_parsed_is_reported_and_the_rest_is_scanned(tmp_path: Path, source: bytes) -> None:
    """With the line, where the parser tells it."""
    (tmp_path / "a.py").write_bytes(source)
    write(tmp_path, "b.py")
    first, second = scan([tmp_path])

    assert ("unreadable-file", "unread-ending") == (first.rule, second.rule)
    assert first.message.startswith("Not scanned: ")
    assert first.line >= 1


def test_a_byte_order_mark_and_another_encoding_are_read() -> None:
    """As Python reads them."""
    assert ["unread-ending"] == [f.rule for f in scan_source(b"\xef\xbb\xbf" + BAD.encode())]
    assert ["unread-ending"] == [f.rule for f in scan_source(b"# coding: latin-1\nname = '\xe4'\n" + BAD.encode())]


@pytest.mark.parametrize("file", STDLIB, ids=lambda file: file.name)
def test_no_file_of_the_standard_library_stops_a_rule_or_breaks_one(file: Path) -> None:
    """Each rule looks into each file, past the glance that leaves most files out; none of them calls a model."""
    module = Module(ast.parse(file.read_bytes()))

    assert [] == [finding for scope in module.scopes() for check in CHECKS for finding in check(scope)]


WORDS = st.sampled_from(
    [
        *("response", "r.stop_reason", "r.choices[0].message.content", '"end_turn"', "None", 'x["finish_reason"]'),
        *("client.messages.create()", "r.content", "M.get(r.stop_reason)", "not r", "(r := s)", "f'{r}'", "await r"),
        *("x.get('y')", "[*r]"),
    ]
)
CONDITIONS = st.builds("{} {} {}".format, WORDS, st.sampled_from(["==", "!=", "in", "not in", "and", "or"]), WORDS)
STATEMENTS = st.recursive(
    st.one_of(
        st.builds("r = {}".format, WORDS),
        st.builds("return {}".format, WORDS),
        st.builds("raise {}".format, WORDS),
        st.builds("a, r = {}".format, WORDS),
        st.just("pass"),
    ),
    lambda inner: st.builds(
        "{}\n{}".format,
        st.one_of(
            st.builds("if {}:".format, CONDITIONS),
            st.builds("while {}:".format, CONDITIONS),
            st.builds("for r in {}:".format, WORDS),
            st.builds("match {}:\n case 'stop' | None:".format, WORDS),
            st.builds("async def r(x, *, finish_reason=None):".format),
        ),
        inner.map(lambda body: "\n".join("  " + line for line in body.splitlines())),
    ),
    max_leaves=6,
)


@settings(max_examples=200)
@given(st.lists(STATEMENTS, min_size=1, max_size=5))
def test_no_code_stops_the_scan(statements: list[str]) -> None:
    """Whatever is done with a response, there are findings or none; in the text of the code, and of known rules."""
    body = "\n".join("  " + line for statement in statements for line in statement.splitlines())
    source = f"async def f(response):\n{body}\n"

    for finding in scan_source(source):
        assert finding.rule in RULES
        assert 1 <= finding.line <= len(source.splitlines())
        assert 1 <= finding.column <= len(source.splitlines()[finding.line - 1]) + 1


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_scan(source: bytes) -> None:
    """They are Python, or a finding says that they are not."""
    assert all(finding.rule in RULES for finding in scan_source(source))
