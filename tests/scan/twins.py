"""Code that drops refusals, each beside the same code that does not: the smallest change that makes it right."""

TWINS: dict[str, tuple[str, str, str]] = {
    "an agent's loop that ends with whatever is no tool call": (
        "refusal-as-answer",
        """
def run(client, messages):
    response = client.messages.create(messages=messages)
    while response.stop_reason == "tool_use":
        messages.append(tools(response.content))
        response = client.messages.create(messages=messages)
    return response.content[0].text
""",
        """
def run(client, messages):
    response = client.messages.create(messages=messages)
    while response.stop_reason == "tool_use":
        messages.append(tools(response.content))
        response = client.messages.create(messages=messages)
    if response.stop_reason == "refusal":
        raise Declined(response.stop_details)
    return response.content[0].text
""",
    ),
    "only the cut-off answer is told apart": (
        "refusal-as-answer",
        """
def ask(client):
    completion = client.chat.completions.create(model="m")
    choice = completion.choices[0]
    if choice.finish_reason == "length":
        raise TooLong
    return choice.message.content
""",
        """
def ask(client):
    completion = client.chat.completions.create(model="m")
    choice = completion.choices[0]
    if choice.finish_reason == "length":
        raise TooLong
    elif choice.finish_reason != "stop":
        raise Unfinished(choice.finish_reason)
    return choice.message.content
""",
    ),
    "a chain whose default does nothing": (
        "refusal-as-answer",
        """
def ask(client):
    reply = client.messages.create()
    stop = reply.stop_reason
    if stop == "end_turn":
        return reply.content[0].text
    elif stop == "max_tokens":
        return more(reply.content)
    else:
        return None
""",
        """
def ask(client):
    reply = client.messages.create()
    stop = reply.stop_reason
    if stop == "end_turn":
        return reply.content[0].text
    elif stop == "max_tokens":
        return more(reply.content)
    else:
        raise NoAnswer(stop)
""",
    ),
    "a chain without a default": (
        "refusal-as-answer",
        """
def ask(client):
    for turn in range(9):
        reply = client.messages.create()
        if reply["stop_reason"] in ("end_turn", "stop_sequence"):
            return reply["content"]
        if reply["stop_reason"] == "tool_use":
            work(reply["content"])
""",
        """
def ask(client):
    for turn in range(9):
        reply = client.messages.create()
        if reply["stop_reason"] in ("end_turn", "stop_sequence"):
            return reply["content"]
        if reply["stop_reason"] == "tool_use":
            work(reply["content"])
        else:
            logger.warning("ended by %s", reply["stop_reason"])
""",
    ),
    "a match whose default passes": (
        "refusal-as-answer",
        """
def ask(client):
    reply = client.converse(modelId="m")
    match reply["stopReason"]:
        case "end_turn" | "stop_sequence":
            show(reply["output"]["message"]["content"])
        case "tool_use":
            work(reply["output"]["message"]["content"])
        case _:
            pass
""",
        """
def ask(client):
    reply = client.converse(modelId="m")
    match reply["stopReason"]:
        case "end_turn" | "stop_sequence":
            show(reply["output"]["message"]["content"])
        case "tool_use":
            work(reply["output"]["message"]["content"])
        case "guardrail_intervened" | "content_filtered" | "refusal":
            decline()
        case _:
            pass
""",
    ),
    "a mapping whose default is the normal end": (
        "refusal-as-answer",
        """
REASONS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}

def convert(stop_reason):
    return REASONS.get(stop_reason, "stop")
""",
        """
REASONS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}

def convert(stop_reason):
    return REASONS.get(stop_reason, "unknown")
""",
    ),
    "a mapping that makes a refusal a normal end": (
        "refusal-as-answer",
        """
def convert(reply):
    return {"stop": Done, "length": Cut, "content_filter": Done}.get(reply.finish_reason, Unknown)
""",
        """
def convert(reply):
    return {"stop": Done, "length": Cut, "content_filter": Declined}.get(reply.finish_reason, Unknown)
""",
    ),
    "a conversion of enum members": (
        "refusal-as-answer",
        """
from google.genai.types import FinishReason

def convert(candidate):
    if candidate.finish_reason == FinishReason.MAX_TOKENS:
        return "length"
    return "stop"
""",
        """
from google.genai.types import FinishReason

def convert(candidate):
    if candidate.finish_reason == FinishReason.MAX_TOKENS:
        return "length"
    if candidate.finish_reason in (FinishReason.SAFETY, FinishReason.PROHIBITED_CONTENT):
        return "content_filter"
    return "stop"
""",
    ),
    "incomplete for one reason only": (
        "refusal-as-answer",
        """
def ask(client):
    response = client.responses.create(model="m")
    if response.incomplete_details and response.incomplete_details.reason == "max_output_tokens":
        raise TooLong
    return response.output_text
""",
        """
def ask(client):
    response = client.responses.create(model="m")
    if response.incomplete_details:
        raise Incomplete(response.incomplete_details.reason)
    return response.output_text
""",
    ),
    "text of a message": (
        "unread-ending",
        """
def ask(client):
    message = client.messages.create(model="m")
    return "".join(block.text for block in message.content if block.type == "text")
""",
        """
from otel_refusals import Refused, outcome_of

def ask(client):
    message = client.messages.create(model="m")
    if isinstance(outcome_of(message), Refused):
        raise Declined
    return "".join(block.text for block in message.content if block.type == "text")
""",
    ),
    "content of a completion, called and taken at once": (
        "unread-ending",
        """
text = client.chat.completions.create(model="m").choices[0].message.content
""",
        """
choice = client.chat.completions.create(model="m").choices[0]
text = choice.message.content if choice.finish_reason == "stop" else None
""",
    ),
    "a function of the file that does not look": (
        "unread-ending",
        """
async def ask(client):
    response = await client.chat.completions.create(model="m")
    count(response)
    return response.choices[0].message.content

def count(response):
    TOKENS.add(response.usage.total_tokens)
""",
        """
async def ask(client):
    response = await client.chat.completions.create(model="m")
    check(response)
    return response.choices[0].message.content

def check(response):
    if response.choices[0].finish_reason != "stop":
        raise Unfinished
""",
    ),
    "a function of the file that makes something of the response": (
        "unread-ending",
        """
def ask(client):
    response = client.chat.completions.create(model="m")
    return response.choices[0].message.content, cost(response)

def cost(response):
    return response.usage.total_tokens * PRICE
""",
        """
def ask(client):
    response = client.chat.completions.create(model="m")
    return response.choices[0].message.content, with_cost(response)

def with_cost(response):
    response.cost = response.usage.total_tokens * PRICE
    return response
""",
    ),
    "the text of a stream": (
        "unread-ending",
        """
def ask(client):
    with client.messages.stream(model="m") as stream:
        for text in stream.text_stream:
            yield text
""",
        """
def ask(client):
    with client.messages.stream(model="m") as stream:
        for text in stream.text_stream:
            yield text
        if stream.get_final_message().stop_reason == "refusal":
            raise Declined
""",
    ),
    "the final text of a stream": (
        "unread-ending",
        """
def ask(client):
    with client.messages.stream(model="m") as stream:
        return stream.get_final_text()
""",
        """
def ask(client):
    with client.messages.stream(model="m") as stream:
        text = stream.get_final_text()
        return text, stream.get_final_message()
""",
    ),
    "chunks of a stream": (
        "unread-ending",
        """
async def ask(client):
    async for chunk in await client.chat.completions.create(model="m", stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content
""",
        """
async def ask(client):
    async for chunk in await client.chat.completions.create(model="m", stream=True):
        yield chunk
""",
    ),
    "output text of the Responses API": (
        "unread-ending",
        """
def ask(client):
    return client.responses.create(model="m").output_text
""",
        """
def ask(client):
    response = client.responses.create(model="m")
    if response.status != "completed":
        raise Unfinished
    return response.output_text
""",
    ),
    "text of Gemini": (
        "unread-ending",
        """
from google import genai

def ask():
    return genai.Client().models.generate_content(model="m", contents="c").text
""",
        """
from google import genai

def ask():
    response = genai.Client().models.generate_content(model="m", contents="c")
    if response.prompt_feedback or response.candidates[0].finish_reason.name != "STOP":
        raise Declined
    return response.text
""",
    ),
    "content of Converse": (
        "unread-ending",
        """
def ask(bedrock):
    return bedrock.converse(modelId="m")["output"]["message"]["content"][0]["text"]
""",
        """
def ask(bedrock):
    reply = bedrock.converse(modelId="m")
    if reply["stopReason"] != "end_turn":
        raise NoAnswer(reply["stopReason"])
    return reply["output"]["message"]["content"][0]["text"]
""",
    ),
    "parsed output": (
        "unread-refusal",
        """
def ask(client):
    completion = client.chat.completions.parse(model="m", response_format=Answer)
    return completion.choices[0].message.parsed
""",
        """
def ask(client):
    message = client.chat.completions.parse(model="m", response_format=Answer).choices[0].message
    if message.refusal:
        raise Declined(message.refusal)
    return message.parsed
""",
    ),
}
"""What it is: the rule, the code that breaks it, its good twin."""

INNOCENT: dict[str, str] = {
    "a check that its caller asked for": """
def is_cut_off(response):
    return response.choices[0].finish_reason == "length"
""",
    "a stop reason that is handed on": """
def ask(client):
    reply = client.messages.create()
    if reply.stop_reason == "max_tokens":
        warn()
    return Answer(text=reply.content[0].text, stop_reason=reply.stop_reason)
""",
    "a response that is handed on": """
def ask(client):
    reply = client.messages.create()
    return Answer(text=reply.content[0].text, raw=reply)
""",
    "stop reasons of the application's own": """
def after(result):
    if result.stop_reason == "interrupt":
        return resume(result.content)
    return result.content
""",
    "content of something else": """
def fetch(session):
    page = session.get("http://localhost")
    return page.content, page.text, page.json()["content"]
""",
    "a tool's result, which has content, too": """
async def use(session):
    result = await session.call_tool("search", {})
    return result.content[0].text
""",
    "an answer whose exception is caught": """
def ask(client):
    try:
        return client.chat.completions.parse(model="m").choices[0].message.content
    except ContentFilterFinishReasonError:
        return None
""",
    "anything but a tool call is an error": """
def ask(client):
    response = client.chat.completions.create(model="m")
    if response.choices[0].finish_reason != "tool_calls":
        raise ValueError("no tool call")
    return response.choices[0].message.tool_calls
""",
    "a function of the file that looks at what it asks for": """
def ask(client):
    response = checked(client)
    return response.choices[0].message.content

def checked(client):
    response = client.chat.completions.create(model="m")
    if response.choices[0].finish_reason == "content_filter":
        raise Declined
    return response
""",
}
