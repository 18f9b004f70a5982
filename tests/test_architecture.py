"""The arrows between the modules, checked by reading their imports."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "otel_refusals"
CORE = {"gateways", "labels", "names", "origins", "outcome", "reader", "reading", "seen", "vendor", "wire"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imports_of(source: Path) -> set[str]:
    """The modules that a file imports at run time."""
    tree = ast.parse(source.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def is_core(source: Path) -> bool:
    """Whether a file belongs to the pure core."""
    return source.parent.name == "vendors" or (source.parent == PACKAGE and source.stem in CORE)


@pytest.mark.parametrize("source", [s for s in SOURCES if is_core(s)], ids=lambda source: source.name)
def test_the_core_imports_only_itself_and_the_standard_library(source: Path) -> None:
    """No SDK, no OpenTelemetry, no wrapt: it runs, and is tested, with none of them installed."""
    for module in imports_of(source):
        top, _, rest = module.partition(".")
        if top == "otel_refusals":
            assert rest.split(".")[0] in CORE | {"vendors"}, module
        else:
            assert top in sys.stdlib_module_names, module


def test_only_the_patch_engine_imports_wrapt() -> None:
    """One place that patches."""
    assert ["patch.py"] == [source.name for source in SOURCES if "wrapt" in imports_of(source)]


def test_no_module_of_the_package_imports_a_vendor() -> None:
    """But the demo's application, and what asks for a sample: they are applications."""
    vendors = {
        "aiobotocore",
        "anthropic",
        "boto3",
        "botocore",
        "cohere",
        "google.genai",
        "litellm",
        "mistralai",
        "openai",
    }
    found = [s for s in SOURCES if any(f"{m}.".startswith(tuple(f"{v}." for v in vendors)) for m in imports_of(s))]

    assert ["asking.py"] == [source.name for source in found if "demo" not in source.parts]


def test_nothing_imports_the_testing_kit_or_the_command_line() -> None:
    """But themselves, the demo, the doctor and the command line."""
    for source in SOURCES:
        if {"testing", "cli", "demo", "doctor"} & set(source.parts):
            continue

        assert not [m for m in imports_of(source) if m.startswith(("otel_refusals.testing", "otel_refusals.cli"))]


def test_no_vendor_writes_async() -> None:
    """Sync and async differ in one pair of call wrappers and one pair of taps."""
    for source in (PACKAGE / "vendors").glob("*.py"):
        assert "async " not in source.read_text()


def test_no_file_has_two_jobs() -> None:
    """About 300 lines at most, and names that say what a module does."""
    vague = {"util", "utils", "helper", "helpers", "common", "base", "manager", "handler"}

    assert [] == [source.name for source in SOURCES if len(source.read_text().splitlines()) > 320]
    assert [] == [source.name for source in SOURCES if source.stem in vague]


def test_every_test_has_a_sentence() -> None:
    """Tests read as documentation."""
    for source in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert (ast.get_docstring(node) or "").endswith((".", "?")), f"{source.name}: {node.name}"
