"""Static analysis of an application for refusals that it drops without a word.

    from otel_refusals.scan import scan

    for finding in scan(["src"]):
        print(finding.path, finding.line, finding.message)

Nothing of the code is imported or run. What it looks for is in `otel_refusals.scan.rules`, and what stop reasons there
are in the tables of the vendors.
"""

from otel_refusals.scan.files import scan, scan_source
from otel_refusals.scan.rules import RULES, Finding, Rule, RuleId

__all__ = ["RULES", "Finding", "Rule", "RuleId", "scan", "scan_source"]
