"""An ordinary application: one call to each vendor, one of them streamed. It knows nothing of otel-refusals."""

import sys

import anthropic
import openai

messages = [{"role": "user", "content": "Please."}]
with (
    anthropic.Anthropic() as claude,
    claude.messages.stream(model="claude-x", max_tokens=64, messages=messages) as stream,
):
    text = "".join(stream.text_stream)
with openai.OpenAI() as gpt:
    answer = gpt.chat.completions.create(model="gpt-x", messages=messages)

print(len(text), answer.choices[0].finish_reason, "otel_refusals" in vars(sys.modules["__main__"]))
