"""The report of a sample, from its journal."""

from __future__ import annotations

from otel_refusals.sampling.journal import Journal
from otel_refusals.sampling.report import Report, group_of, paired_difference
from otel_refusals.sampling.run import Plan, Run


def report_of(plan: Plan, journal: Journal, result: Run, *, show_prompts: bool = False) -> Report:
    """Everything that the journal knows of the planned requests, whichever run asked them.

    Args:
        plan: What was to be asked.
        journal: What was answered.
        result: How the last run ended.
        show_prompts: Whether the text of declined prompts goes into the report.
    """
    answered = {
        model: [journal.answered[prompt.id, model] for prompt in plan.prompts if (prompt.id, model) in journal.answered]
        for model in plan.models
    }
    groups = [group_of(model, cases) for model, cases in answered.items()]
    declined = {name for group in groups for name in group.declined or ()}
    done = sum(map(len, answered.values()))
    return Report(
        title=f"{done} of {result.total} requests answered, {result.spent:,} tokens",
        groups=groups,
        difference=paired_difference(*answered.values()) if len(groups) == 2 else None,
        notes=_notes(plan, result),
        prompts={prompt.id: prompt.text for prompt in plan.prompts if show_prompts and prompt.id in declined},
    )


def _notes(plan: Plan, result: Run) -> list[str]:
    notes = []
    if result.errors:
        told = ", ".join(f"{count} {name}" for name, count in sorted(result.errors.items()))
        notes.append(f"Not answered, and in no rate: {told}. The same command asks them again.")
    if result.in_doubt:
        what = "asked again" if plan.again else "left out"
        notes.append(
            f"{len(result.in_doubt)} requests had been sent when an earlier run was killed. "
            f"Whether they were billed is not known; they were {what}."
        )
    return notes
