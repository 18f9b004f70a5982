"""The page: it is whole, loads nothing, shows what it is given as text, and a browser can draw it."""

from __future__ import annotations

import base64
import re
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from otel_refusals.sampling.case import Case
from otel_refusals.sampling.page import page
from otel_refusals.sampling.report import Report, group_of, paired_difference
from tests.bundle.servers import path_of

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>$x^2$'


def a_report(name: str = "claude-fable-5", **more: object) -> Report:
    """Two models, of which the second declines less."""

    def cases(model: str, share: int) -> list[Case]:
        refused = {"outcome": "refused", "category": "cyber", "stage": "pre_output", "discarded_output_tokens": 0}
        return [
            Case(id=f"p{number}", model=model, **(refused if number % share == 0 else {"outcome": "completed"}))
            for number in range(120)
        ]

    first, second = cases(name, 3), cases("claude-opus-5", 7)
    groups = [group_of(name, first), group_of("claude-opus-5", second)]
    return Report(title="A title", groups=groups, difference=paired_difference(first, second), **more)


class Tags(HTMLParser):
    """Every tag with its attributes, and that each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() in {tag, "dd", "dt"}


def pictures(html: str) -> list[str]:
    """The pictures of a page, as SVG."""
    return [base64.b64decode(found).decode() for found in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", html)]


def test_the_page_loads_nothing() -> None:
    """No address of the network, no script, no link; and the browser is told to allow none."""
    html = page(a_report())
    tags = Tags(html)

    assert "http://" not in html
    assert "https://" not in html
    assert tags.open == []
    assert {"script", "link", "iframe", "a"}.isdisjoint(tag for tag, _ in tags.found)
    assert all(attrs["src"].startswith("data:image/svg+xml;base64,") for tag, attrs in tags.found if tag == "img")
    assert "default-src 'none'" in next(attrs["content"] for _, attrs in tags.found if "http-equiv" in attrs)


def test_the_pictures_are_drawn_to_scale() -> None:
    """One for the rates, one for the categories, one for the stages; their text is text, and they load nothing."""
    drawn = pictures(page(a_report()))

    assert len(drawn) == 3
    for svg in drawn:
        ET.fromstring(svg)
        assert not re.search(r"""(href|src)=["']https?:|url\(https?:|<script|<image""", svg)
    assert "33.3%" in drawn[0]
    assert "cyber" in drawn[1]
    assert "pre_output" in drawn[2]


def test_what_a_vendor_or_a_file_says_is_text() -> None:
    """Names, ids, signals, prompts and notes are escaped, in the page and in its pictures."""
    cases = [Case(id=HOSTILE, model=HOSTILE, outcome="refused", category=HOSTILE, stage=HOSTILE)]
    cases.append(Case(id="u", model=HOSTILE, outcome="unknown", signal=HOSTILE))
    group = group_of(HOSTILE, cases)
    html = page(Report(title=HOSTILE, groups=[group, group], notes=[HOSTILE], prompts={HOSTILE: HOSTILE}))

    assert html.count("alert(1)") >= 14
    assert {"script", "b"} & {tag for tag, _ in Tags(html).found} <= {"b"}
    assert not any("onerror" in attrs for _, attrs in Tags(html).found)
    for svg in pictures(html):
        assert not [element for element in ET.fromstring(svg).iter() if element.tag.endswith("script")]


def test_a_report_of_nothing_is_a_page_too() -> None:
    """With dashes, and without pictures."""
    html = page(Report(title="Nothing", groups=[group_of("m", [])]))

    assert pictures(html) == []
    assert "<b>-</b>" in html


def test_the_same_report_is_the_same_page() -> None:
    """Byte by byte: no dates and no random names."""
    assert page(a_report()) == page(a_report())


@pytest.mark.needs("chromium")
def test_a_browser_draws_it(tmp_path: Path) -> None:
    """Headless, without a network: its own log has no complaint, and the pictures are as wide as the page."""
    file = tmp_path / "report.html"
    file.write_text(page(a_report(prompts={"p0": "What is this?"})), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1000,1600"]
    offline = ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"]
    picture = tmp_path / "report.png"
    run = subprocess.run(
        [path_of("chromium"), *flags, *offline, f"--screenshot={picture}", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
    )

    assert run.returncode == 0, run.stderr
    assert "CONSOLE" not in run.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(_colors(picture) & {(0x3B, 0x6F, 0xB6), (0xD9, 0x77, 0x06), (0xB4, 0x53, 0x09)}) == 3


def _colors(picture: Path) -> set[tuple[int, ...]]:
    from PIL import Image

    with Image.open(picture) as image:
        return {color for _, color in image.convert("RGB").getcolors(1 << 24) or ()}
