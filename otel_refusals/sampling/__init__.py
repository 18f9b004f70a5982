"""Measuring a refusal rate: a sample of a workload's own prompts, or what was counted already, with honest intervals.

`prompts` reads what is asked, `asking` asks it through the vendor's SDK, `journal` keeps what was answered, `run` ties
the three together. `report` counts cases of any origin (a sample, a batch, a Prometheus), `statistics` says how sure
the figures are, and `tables`, `plots` and `page` show them.
"""
