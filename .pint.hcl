# For `pint --offline lint alert_rules`.
parser {
  include = ["alert_rules/[^/]+\\.rules\\.yml"]
}

checks {
  # Every alert says its `for` and why, 0m too.
  disabled = ["alerts/for"]
}

# What every alert has: a severity that the routes know, and where to read on.
rule {
  match {
    kind = "alerting"
  }
  label "severity" {
    value    = "critical|warning|info|none"
    severity = "bug"
    required = true
  }
  annotation "summary" {
    severity = "bug"
    required = true
  }
  annotation "description" {
    severity = "bug"
    required = true
  }
  annotation "runbook_url" {
    value    = "https://.+/alert_rules/runbooks/{{ $alert }}\\.md"
    severity = "bug"
    required = true
  }
  annotation "dashboard_url" {
    value    = "/d/otel-refusals-.+"
    severity = "bug"
    required = true
  }
}
