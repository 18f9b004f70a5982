"""What the doctor finds, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Area = Literal["vendors", "configuration", "spans", "export", "endpoints", "trial"]

Status = Literal["ok", "warning", "problem"]
"""`problem`: refusals will be lost. `warning`: something may be lost, or is less than it could be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        area: What kind of thing it is.
        subject: Its name.
        found: What was found.
        remedy: What to do; empty where nothing needs to be done.
    """

    area: Area
    subject: str
    status: Status
    found: str
    remedy: str = ""
