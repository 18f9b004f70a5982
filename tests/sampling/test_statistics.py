"""How sure a share is: against published figures, against chance, and by laws."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_refusals.demo.chance import drawn
from otel_refusals.reading import outcome_of
from otel_refusals.sampling.case import Case, case_of
from otel_refusals.sampling.report import group_of, paired_difference
from otel_refusals.sampling.statistics import Share, independent, paired
from otel_refusals.testing.speakers.anthropic_messages import message
from otel_refusals.testing.speakers.turn import Turn
from tests.sampling.asked import MODEL, text_of

counts = st.integers(0, 60)


def measured(probability: float, seed: int) -> Share:
    """The share that the readers find in the bundled endpoint's answers to 200 prompts."""
    prompts = [text_of(number) for number in range(200)]
    answers = [message(Turn(drawn(probability, seed, MODEL, prompt), {}, MODEL)) for prompt in prompts]
    group = group_of(MODEL, [case_of(str(at), MODEL, outcome_of(answer)) for at, answer in enumerate(answers)])
    assert group.refused
    return group.refused


@pytest.mark.parametrize("probability", [0.05, 0.15, 0.3])
def test_the_interval_covers_the_true_rate_in_93_of_100_seeded_samples(probability: float) -> None:
    """Each sample is 200 prompts that the bundled endpoint declines with a known probability."""
    intervals = [measured(probability, seed).interval for seed in range(100)]

    assert sum(low <= probability <= high for low, high in intervals) >= 93


def test_the_interval_covers_the_true_rate_as_often_as_it_says() -> None:
    """Over all samples of 200 there can be, each as likely as it is: 95 in 100 on average, and never far from that."""
    from scipy.stats import binom

    limits = [Share(count=count, total=200).interval for count in range(201)]
    coverage = [
        sum(binom.pmf(count, 200, rate) for count, (low, high) in enumerate(limits) if low <= rate <= high)
        for rate in (percent / 100 for percent in range(2, 51))
    ]

    assert sum(coverage) / len(coverage) == pytest.approx(0.95, abs=0.005)
    assert min(coverage) > 0.92


def test_the_paired_difference_covers_the_true_one() -> None:
    """Of models that share what they decline, and differ in a known share."""
    covered = 0
    for seed in range(100):
        lots = random.Random(seed)
        table = [0, 0, 0, 0]
        for _ in range(200):
            table[lots.choices(range(4), (0.15, 0.10, 0.05, 0.70))[0]] += 1
        low, high = paired(*table).interval
        covered += low <= -0.05 <= high

    assert covered >= 93


def test_wilsons_interval_is_the_published_one() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20 and 1 of 29."""
    found = [Share(count=count, total=total).interval for count, total in ((81, 263), (15, 148), (0, 20), (1, 29))]

    assert [(round(low, 4), round(high, 4)) for low, high in found] == [
        (0.2553, 0.3662),
        (0.0624, 0.1605),
        (0.0, 0.1611),
        (0.0061, 0.1718),
    ]


def test_newcombes_interval_of_independent_shares_is_the_published_one() -> None:
    """Newcombe 1998, table II, method 10: 56 of 70 minus 48 of 80."""
    difference = independent(Share(count=48, total=80), Share(count=56, total=70))

    assert round(difference.value, 4) == 0.2
    assert tuple(round(limit, 4) for limit in difference.interval) == (0.0524, 0.3339)


def test_newcombes_interval_of_paired_shares_is_the_published_one() -> None:
    """Newcombe 1998, table III, method 10: 36, 12, 2 and 0 of 50 pairs."""
    difference = paired(36, 2, 12, 0)

    assert round(difference.value, 4) == 0.2
    assert tuple(round(limit, 4) for limit in difference.interval) == (0.0569, 0.3404)


def test_mcnemars_test_looks_at_the_pairs_that_differ() -> None:
    """Ten that only the second declines are significant, however many both answer; five against five are not."""
    assert round(paired(5, 0, 10, 500).p_value, 6) == round(2 * 0.5**10, 6)
    assert paired(5, 0, 10, 500).significant
    assert not paired(5, 5, 5, 500).significant
    assert paired(5, 0, 0, 500).p_value == 1


def test_fishers_test_is_used_for_different_requests() -> None:
    """3 of 4 against 1 of 4: the lady tasting tea."""
    difference = independent(Share(count=1, total=4), Share(count=3, total=4))

    assert round(difference.p_value, 4) == 0.4857
    assert "Fisher" in difference.method


@settings(max_examples=60)
@given(counts, counts, counts, counts)
def test_a_difference_lies_in_its_interval_and_turns_around(both: int, first: int, second: int, neither: int) -> None:
    """Swapping the models swaps the sign and nothing else; an interval is within -1 and 1."""
    if both + first + second + neither == 0:
        with pytest.raises(ValueError, match="no pair"):
            paired(both, first, second, neither)
        return
    there, back = paired(both, first, second, neither), paired(both, second, first, neither)

    assert -1 <= there.interval.low <= there.value + 1e-12
    assert there.value - 1e-12 <= there.interval.high <= 1
    assert there.value == pytest.approx(-back.value)
    assert there.interval == pytest.approx((-back.interval.high, -back.interval.low))
    assert there.p_value == pytest.approx(back.p_value)


@settings(max_examples=60)
@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_share_lies_in_its_interval(count: int, total: int) -> None:
    """Also at the ends, and for the counts of a whole fleet."""
    share = Share(count=min(count, total), total=total)

    assert 0 <= share.interval.low <= share.value + 1e-9
    assert share.value - 1e-9 <= share.interval.high <= 1


def test_pairs_are_those_that_both_answered() -> None:
    """A request that failed for one model says nothing about the difference."""
    refused, ended = ({"outcome": "refused"}, {"outcome": "completed"})
    first = [_case("a", refused), _case("b", ended), _case("c", {"outcome": "error"})]
    second = [_case("a", ended), _case("b", ended), _case("c", refused), _case("d", refused)]

    difference = paired_difference(first, second)

    assert difference
    assert difference.total == 2
    assert difference.value == -0.5
    assert paired_difference(first, []) is None


def _case(name: str, members: dict[str, str]):
    return Case(id=name, model=MODEL, **members)
