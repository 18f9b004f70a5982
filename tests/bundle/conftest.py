"""A machine without the programs, for the tests of what is done then."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any of the programs; what is put into the directory is found on its PATH."""
    on_path = tmp_path / "on-path"
    on_path.mkdir()
    monkeypatch.setenv("OTEL_REFUSALS_SERVERS", str(tmp_path / "servers"))
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.delenv("CI", raising=False)
    return on_path
