"""Dashboards, alert rules and stack, and what brings them to where they are used.

`files` finds them, `promql` and `cluster` rewrite them, `export` writes them down for one kind of store, `grafana` and
`prometheus` load them, `check` asks a running server whether they see anything. Nothing here is imported by the
instrumentation.
"""
