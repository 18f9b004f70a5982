"""Each rule against code that breaks it and against its good twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_refusals import demo, outcome_of
from otel_refusals.outcome import Completed, Refused
from otel_refusals.scan import scan, scan_source
from otel_refusals.scan.vocabulary import FIELDS, told
from otel_refusals.vendors import VENDORS
from tests.scan.twins import INNOCENT, TWINS


@pytest.mark.parametrize("name", TWINS)
def test_code_that_drops_a_refusal_is_found_once(name: str) -> None:
    """By its rule, and by no other."""
    rule, bad, _ = TWINS[name]

    assert [rule] == [finding.rule for finding in scan_source(bad)]


@pytest.mark.parametrize("name", TWINS)
def test_the_good_twin_is_left_alone(name: str) -> None:
    """What makes the code right makes the finding go."""
    assert [] == scan_source(TWINS[name][2])


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent_code_is_left_alone(name: str) -> None:
    """Code of which it cannot be told, and code that looks elsewhere."""
    assert [] == scan_source(INNOCENT[name])


def test_the_demos_application_is_found() -> None:
    """It is there to show what nobody notices: each of its services takes content and looks no further."""
    services = {Path(finding.path).stem for finding in scan([Path(demo.__file__).parent / "app"])}

    assert {"claims_intake", "security_review", "support_bot"} <= services


@pytest.mark.parametrize("name", [name for name, (rule, *_) in TWINS.items() if rule != "unread-refusal"])
def test_a_comment_accepts_a_finding(name: str) -> None:
    """On the line of the finding, and alone above it; for this rule or for all, and not for another."""
    rule, bad, _ = TWINS[name]
    (finding,) = scan_source(bad)
    lines = bad.splitlines()
    indent = lines[finding.line - 1][: len(lines[finding.line - 1]) - len(lines[finding.line - 1].lstrip())]

    def with_comment(comment: str, *, above: bool) -> str:
        line = lines[finding.line - 1]
        changed = [f"{indent}{comment}", line] if above else [f"{line}  {comment}"]
        return "\n".join([*lines[: finding.line - 1], *changed, *lines[finding.line :]])

    for comment in (
        f"# otel-refusals: ignore[{rule}]",
        "# otel-refusals: ignore",
        "#otel-refusals:ignore[x, " + rule + "]",
    ):
        assert [] == scan_source(with_comment(comment, above=False))
        assert [] == scan_source(with_comment(comment, above=True))
    assert scan_source(with_comment("# otel-refusals: ignore[unread-refusal]", above=False))
    assert scan_source(with_comment("'# otel-refusals: ignore'", above=True))


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_the_vocabulary_is_that_of_the_vendors(field: str) -> None:
    """A refusal that a table names is never taken for unhandled, and every other stop reason is known."""
    endings = [ending for vendor in VENDORS for ending in vendor.endings if field in ending.fields]

    assert endings
    for ending in endings:
        for refusal in ending.refusals:
            assert refusal not in ending.reasons
        normal = {word.lower() for word, outcome in ending.reasons.items() if outcome is Completed}
        for word in ending.reasons:
            apart = told(field, frozenset({word.lower()}))
            assert apart is None or (word.lower() in normal) <= bool(apart.ends)


@pytest.mark.parametrize(
    ("field", "wire"),
    [
        ("stop_reason", {"type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}),
        ("finish_reason", {"object": "chat.completion", "choices": [{"index": 0, "message": {"content": "a"}}]}),
        ("stopReason", {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}, "usage": {}}),
        ("finishReason", {"candidates": [{"index": 0, "content": {"parts": [{"text": "a"}]}}]}),
    ],
)
def test_what_a_table_calls_a_refusal_a_reader_reads_as_one(field: str, wire: dict[str, object]) -> None:
    """The words that the scan asks for are those on which the readers decide."""
    holder = next((wire[name][0] for name in ("choices", "candidates") if name in wire), wire)  # type: ignore[index]
    names = {"finish_reason": ("openai",)}.get(field, ("anthropic", "botocore", "google_genai"))
    endings = [e for vendor in VENDORS if vendor.name in names for e in vendor.endings if field in e.fields]

    assert endings
    for ending in endings:
        for refusal in ending.refusals:
            holder[field] = refusal
            assert isinstance(outcome_of(wire), Refused), refusal
        for reason, outcome in ending.reasons.items():
            holder[field] = reason
            assert isinstance(outcome_of(wire), outcome), reason
