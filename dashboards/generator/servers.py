"""The Collector, Prometheus and Alertmanager, by what they tell of themselves."""

from __future__ import annotations

from dashboards.generator.fields import Json
from dashboards.generator.panels import Query, stat, timeseries
from dashboards.generator.style import BLUE, GREEN, NOT_SCRAPED, ORANGE, RED, UNSEEN

NO_COLLECTOR = "No metrics of an OpenTelemetry Collector: none in use, or Prometheus does not scrape it"
NO_PROMETHEUS = "No metrics of Prometheus itself: let it scrape itself"
NO_ALERTMANAGER = "No metrics of Alertmanager: let Prometheus scrape it"

_KINDS = ("metric_points", "spans", "log_records")
_LOSSES = ("receiver_refused", "exporter_enqueue_failed", "exporter_send_failed")


def data_lost() -> Json:
    """What the Collector lost."""
    lost = (f"(sum(increase({_collector(f'{what}_{kind}')}[1h])) or vector(0))" for what in _LOSSES for kind in _KINDS)
    return stat(
        "Data lost, 1 h",
        "Metric points, spans and log records that the Collector refused to take, could not queue or could not send in "
        "the last hour.",
        "short",
        f"({' + '.join(lost)}) and on () count({_collector('receiver_accepted_metric_points')}) or vector(-1)",
        empty=NOT_SCRAPED,
        steps=((0.5, RED),),
        words={**UNSEEN, 0: ("none", GREEN)},
        loud=True,
        decimals=0,
    )


def rule_failures() -> Json:
    """Rules that could not be evaluated."""
    return stat(
        "Rule failures, 1 h",
        "Evaluations that failed in the last hour, of any rule: an alert that cannot be evaluated cannot fire.",
        "short",
        "sum(increase(prometheus_rule_evaluation_failures_total[1h])) or vector(-1)",
        empty=NOT_SCRAPED,
        steps=((0.5, RED),),
        words={**UNSEEN, 0: ("none", GREEN)},
        loud=True,
        decimals=0,
    )


def undelivered() -> Json:
    """Alerts that reached nobody."""
    lost = (
        "sum(increase(prometheus_notifications_dropped_total[1h]))",
        "sum(increase(alertmanager_notifications_failed_total[1h]))",
    )
    return stat(
        "Undelivered, 1 h",
        "Alerts of the last hour that Prometheus dropped because no Alertmanager took them, and notifications that "
        "Alertmanager failed to send.",
        "short",
        f"({lost[0]} + ({lost[1]} or vector(0))) or vector(-1)",
        empty=NOT_SCRAPED,
        steps=((0.5, RED),),
        words={**UNSEEN, 0: ("none", GREEN)},
        loud=True,
        decimals=0,
    )


def _collector(name: str) -> str:
    """A counter of the Collector, which some of its readers call `_total` and some do not."""
    return f'{{__name__=~"otelcol_{name}(_total)?"}}'


def accepted() -> Json:
    """What the Collector takes."""
    return timeseries(
        "Accepted",
        "What the Collector's receivers take, per second.",
        "cps",
        [
            Query(f"sum(rate({_collector(f'receiver_accepted_{kind}')}[$__rate_interval]))", kind.replace("_", " "))
            for kind in _KINDS
        ],
        empty=NO_COLLECTOR,
    )


def lost() -> Json:
    """What it loses, and where."""
    words = ("refused to take", "could not queue", "could not send")
    return timeseries(
        "Lost",
        "Data that the Collector refused to take (its senders retry), could not queue, or could not send, per second.",
        "cps",
        [
            Query(f"sum(rate({_collector(f'{what}_{kind}')}[$__rate_interval]))", f"{said}: {kind.replace('_', ' ')}")
            for what, said in zip(_LOSSES, words, strict=True)
            for kind in _KINDS[:2]
        ],
        empty=NO_COLLECTOR,
        last=False,
    )


def queue() -> Json:
    """How full it is."""
    return timeseries(
        "Queues",
        "How full the sending queue of each exporter is. Full, it drops.",
        "percentunit",
        [
            Query(
                "max by (exporter) (otelcol_exporter_queue_size)"
                " / max by (exporter) (otelcol_exporter_queue_capacity > 0)",
                "{{exporter}}",
            )
        ],
        empty=NO_COLLECTOR,
        maximum=1,
        steps=((0.8, RED),),
    )


def evaluations() -> Json:
    """Whether rules are evaluated."""
    return timeseries(
        "Rule evaluations",
        "Evaluations of rules per second, and those that failed or came too late.",
        "cps",
        [
            Query("sum(rate(prometheus_rule_evaluations_total[$__rate_interval]))", "evaluated", BLUE),
            Query("sum(rate(prometheus_rule_evaluation_failures_total[$__rate_interval]))", "failed", RED),
            Query(
                "sum(rate(prometheus_rule_group_iterations_missed_total[$__rate_interval]))", "groups missed", ORANGE
            ),
        ],
        empty=NO_PROMETHEUS,
    )


def durations() -> Json:
    """What our rules cost."""
    return timeseries(
        "Cost of the rules",
        "How long each of our groups took, as a share of its interval. Above 1 it falls behind.",
        "percentunit",
        [
            Query(
                'max by (rule_group) (prometheus_rule_group_last_duration_seconds{rule_group=~".*refusal.*"}'
                " / prometheus_rule_group_interval_seconds)",
                "{{rule_group}}",
            )
        ],
        empty=NO_PROMETHEUS,
        fill=0,
        last=False,
    )


def notifications() -> Json:
    """Whether alerts are delivered."""
    return timeseries(
        "Notifications",
        "Alerts that Prometheus sent to Alertmanager and dropped, and notifications that Alertmanager sent and failed "
        "to send, per second.",
        "cps",
        [
            Query("sum(rate(prometheus_notifications_sent_total[$__rate_interval]))", "alerts sent", BLUE),
            Query("sum(rate(prometheus_notifications_dropped_total[$__rate_interval]))", "alerts dropped", RED),
            Query("sum(rate(alertmanager_notifications_total[$__rate_interval]))", "notifications sent", GREEN),
            Query(
                "sum(rate(alertmanager_notifications_failed_total[$__rate_interval]))", "notifications failed", ORANGE
            ),
        ],
        empty=NO_ALERTMANAGER,
    )
