"""Colours and words that mean the same on every page."""

from __future__ import annotations

GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
BLUE, LIGHT_BLUE, PURPLE, GREY, PLAIN = "blue", "light-blue", "purple", "#8e8e8e", "text"
TRANSPARENT = "transparent"

OUTCOME_COLORS = {
    "completed": GREEN,
    "tool_call": "semi-dark-green",
    "paused": LIGHT_BLUE,
    "truncated": YELLOW,
    "rescued": BLUE,
    "refused": RED,
    "unknown": PURPLE,
    "error": ORANGE,
    "incomplete": GREY,
}
STAGE_COLORS = {"pre_output": LIGHT_BLUE, "mid_stream": RED, "unknown": GREY}
DISPOSITION_COLORS = {"rerouted": BLUE, "surfaced": LIGHT_BLUE, "escalated": PURPLE, "dropped": GREY}

NO_OPERATIONS = "No operations in the last hour"
NO_REFUSALS = "No refusals in the time shown"
NO_DISPOSITIONS = "No disposition was recorded in the time shown"
NO_TELEMETRY = "no telemetry"
NO_RULES = "rules not loaded"
NOT_SCRAPED = "not scraped"

# What stands for the -1 of `queries.counted`.
SILENT = {-1.0: (NO_TELEMETRY, ORANGE)}
UNWATCHED = {-1.0: (NO_RULES, ORANGE)}
UNSEEN = {-1.0: (NOT_SCRAPED, ORANGE)}
