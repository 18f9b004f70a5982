"""Writes the bundle down in the form that one kind of store takes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from otel_refusals.bundle import kubernetes, plain
from otel_refusals.bundle.contents import Contents
from otel_refusals.bundle.documents import Settings, dashboards, rule_files
from otel_refusals.bundle.files import BundleFiles

TARGETS: Mapping[str, Callable[[Contents], dict[str, str]]] = {
    "prometheus": plain.prometheus,
    "compose": plain.compose,
    "kubernetes": kubernetes.manifests,
    "mimir": plain.mimir,
    "victoriametrics": plain.victoriametrics,
    "thanos": plain.thanos,
}
"""What each store takes, as text by its path."""


def export(directory: Path, target: str, files: BundleFiles, settings: Settings) -> list[Path]:
    """Write the bundle for `target` into `directory`, over what an earlier export wrote there.

    Returns:
        The paths of the files, relative to `directory`.

    Raises:
        OSError: where a file cannot be written.
        PromQLError: for a rule or panel with a query whose brackets do not match.
        TooLargeError: for a document that Kubernetes would not take.
    """
    contents = Contents(rule_files(files, settings), dashboards(files, settings), files, settings)
    runbooks = {f"runbooks/{page.name}": page.read_text("utf-8") for page in files.runbooks}
    texts = {**TARGETS[target](contents), **runbooks}
    for path, text in texts.items():
        write(directory / path, text)
    return sorted(map(Path, texts))


def write(path: Path, text: str) -> None:
    """Write a file such that whoever reads the directory sees the old text or the new one, never a half.

    Raises:
        OSError: where it cannot be written; what was there is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)  # the server that reads it is another user
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
