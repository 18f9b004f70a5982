"""An ordinary application that asks its model what it is told to: the line `3 archive` asks three times for `archive`.

It knows nothing of otel-refusals.
"""

import sys

import anthropic

with anthropic.Anthropic(max_retries=0) as claude:
    print("ready", flush=True)
    for line in sys.stdin:
        times, subject = line.split()
        for _ in range(int(times)):
            messages = [{"role": "user", "content": subject}]
            claude.messages.create(model="claude-x", max_tokens=64, messages=messages)
        print("asked", flush=True)
