"""OpenAI's own Python SDK, unmodified, with every kind of provider behind weir."""
import asyncio
import json

import openai
import pydantic
import pytest

from conftest import KEY

PNG = ("data:image/png;base64,"
       "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
NO_TOOLS = {"huggingface-native"}  # its own text generation completes a text: docs/dialects.md


class Place(pydantic.BaseModel):
    city: str
    days: int


TOOLS = [{
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": Place.model_json_schema()
    }
}]


@pytest.fixture
def client(gateway):
    return openai.OpenAI(api_key=KEY, base_url=gateway + "/v1", max_retries=0, timeout=20)


def user(content):
    return [{"role": "user", "content": content}]


# -- chat completions ------------------------------------------------------------------------------------------


def test_text(client, kind):
    reply = client.chat.completions.create(model=f"m-{kind}",
                                           messages=[{
                                               "role": "system",
                                               "content": "Be kind."
                                           }, *user("Hello weir")])
    assert "Hello weir" in reply.choices[0].message.content and reply.choices[0].finish_reason == "stop"
    assert reply.usage.prompt_tokens > 0 and reply.usage.completion_tokens > 0


def test_stream(client, kind):
    text, finish, usage = "", None, None
    for chunk in client.chat.completions.create(model=f"m-{kind}",
                                                messages=user("Hello weir"),
                                                stream=True,
                                                stream_options={"include_usage": True}):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        finish = chunk.choices[0].finish_reason or finish if chunk.choices else finish
        usage = chunk.usage or usage
    assert "Hello weir" in text and finish == "stop" and usage.completion_tokens > 0


def test_an_asynchronous_client(gateway, kind):
    async def run():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=gateway + "/v1", max_retries=0, timeout=20) as client:

            async def one(words):
                return "".join([
                    chunk.choices[0].delta.content or "" async for chunk in await client.chat.completions.create(
                        model=f"m-{kind}", messages=user(words), stream=True) if chunk.choices
                ])

            return await asyncio.gather(*(one(f"Hello {i}") for i in range(5)))

    assert all(f"Hello {i}" in text for i, text in enumerate(asyncio.run(run())))


def test_tools(client, kind):
    if kind in NO_TOOLS:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=f"m-{kind}", messages=user("Use the tool"), tools=TOOLS)
        return
    messages = user("Use the tool")
    first = client.chat.completions.create(model=f"m-{kind}", messages=messages, tools=TOOLS).choices[0]
    call = first.message.tool_calls[0]
    assert call.function.name == "get_weather" and isinstance(json.loads(call.function.arguments)["city"], str)
    assert first.finish_reason == "tool_calls"
    second = client.chat.completions.create(
        model=f"m-{kind}",
        tools=TOOLS,
        messages=[*messages, first.message, {
            "role": "tool",
            "tool_call_id": call.id,
            "content": "sunny"
        }])
    assert second.choices[0].message.content


def test_a_stream_helper_gathers_tool_calls(client, kind):
    if kind in NO_TOOLS:
        return
    with client.chat.completions.stream(model=f"m-{kind}", messages=user("Use the tool"), tools=TOOLS) as stream:
        for _ in stream:
            pass
        whole = stream.get_final_completion()
    assert isinstance(json.loads(whole.choices[0].message.tool_calls[0].function.arguments)["city"], str)


def test_vision(client, kind):
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PNG}}]
    if kind in NO_TOOLS:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=f"m-{kind}", messages=user(content))
        return
    assert "image" in client.chat.completions.create(model=f"m-{kind}",
                                                     messages=user(content)).choices[0].message.content.lower()


def test_structured_output_is_parsed(client, kind):
    reply = client.chat.completions.parse(model=f"m-{kind}", messages=user("Where?"), response_format=Place)
    assert isinstance(reply.choices[0].message.parsed, Place)


def test_embeddings(client, kind):
    if kind == "anthropic":  # it has none
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model=f"embed-{kind}", input="one")
        return
    reply = client.embeddings.create(model=f"embed-{kind}", input=["one", "two"])
    assert len(reply.data) == 2 and reply.data[0].embedding != reply.data[1].embedding


def test_errors_are_the_sdks_own(client, gateway, kind):
    for model, error in ((f"limited-{kind}", openai.RateLimitError), ("nothing", openai.NotFoundError)):
        with pytest.raises(error):
            client.chat.completions.create(model=model, messages=user("x"))
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=f"m-{kind}", messages=[])
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(api_key="wrong", base_url=gateway + "/v1", max_retries=0).models.list()


def test_a_stream_that_breaks_raises(client, kind):
    with pytest.raises(openai.APIError):
        for _ in client.chat.completions.create(model=f"breaking-{kind}",
                                                messages=user("Hello weir, tell me a long story"),
                                                stream=True):
            pass


def test_models(client, kind):
    assert f"m-{kind}" in [model.id for model in client.models.list()]


# -- responses ------------------------------------------------------------------------------------------


def test_a_response(client, kind):
    reply = client.responses.create(model=f"m-{kind}", input="Hello weir", instructions="Be kind.", store=False)
    assert "Hello weir" in reply.output_text and reply.status == "completed" and reply.usage.output_tokens > 0


def test_a_response_as_a_stream(client, kind):
    text, whole = "", None
    for event in client.responses.create(model=f"m-{kind}", input="Hello weir", stream=True, store=False):
        text += event.delta if event.type == "response.output_text.delta" else ""
        whole = event.response if event.type == "response.completed" else whole
    assert "Hello weir" in text and whole.output[-1].content[0].text == text


def test_a_response_by_the_stream_helper(client, kind):
    with client.responses.stream(model=f"m-{kind}", input="Hello weir", store=False) as stream:
        for _ in stream:
            pass
        assert "Hello weir" in stream.get_final_response().output_text


def test_a_response_is_parsed(client, kind):
    assert isinstance(
        client.responses.parse(model=f"m-{kind}", input="Where?", text_format=Place, store=False).output_parsed, Place)


def test_a_response_with_tools(client, kind):
    if kind in NO_TOOLS:
        return
    tools = [{
        "type": "function",
        "name": "get_weather",
        "description": "Weather",
        "parameters": Place.model_json_schema(),
        "strict": False
    }]
    inputs = user("Use the tool")
    first = client.responses.create(model=f"m-{kind}", input=inputs, tools=tools, store=False)
    call = next(item for item in first.output if item.type == "function_call")
    assert isinstance(json.loads(call.arguments)["city"], str)
    more = [*inputs, *first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    assert client.responses.create(model=f"m-{kind}", input=more, tools=tools, store=False).output_text


def test_a_stored_response_goes_on(client, kind):
    first = client.responses.create(model=f"m-{kind}", input="Hello weir")
    second = client.responses.create(model=f"m-{kind}", input="And on", previous_response_id=first.id)
    assert "And on" in second.output_text
    assert client.responses.retrieve(first.id).output_text == first.output_text
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_input_tokens_of_a_response(client, kind):
    def count(text):
        reply = client.responses.input_tokens.count(model=f"m-{kind}", input=text, instructions="Be kind.")
        assert reply.object == "response.input_tokens"
        return reply.input_tokens

    assert count("Hello weir. " * 200) > count("Hello weir") + 300


def test_a_compacted_conversation(client, kind):
    def compact():
        return client.responses.compact(model=f"m-{kind}", input=user("Hello weir"))

    if kind != "openai":  # only a provider of this API can
        with pytest.raises(openai.BadRequestError, match="ask for a model of `openai`"):
            compact()
        return
    reply = compact()
    assert reply.object == "response.compaction" and reply.output[-1].type == "compaction"
    assert reply.usage.input_tokens > 0
    more = [item.model_dump(exclude_none=True) for item in reply.output] + user("And on")
    assert "And on" in client.responses.create(model=f"m-{kind}", input=more, store=False).output_text


def test_errors_of_responses(client, kind):
    for model, error in ((f"limited-{kind}", openai.RateLimitError), ("nothing", openai.NotFoundError)):
        with pytest.raises(error):
            client.responses.create(model=model, input="x", store=False)


def test_a_response_stream_that_breaks_ends_in_an_error(client, kind):
    """The SDK yields an `error` event, or raises: either way no `response.completed`."""
    kinds = []
    try:
        for event in client.responses.create(model=f"breaking-{kind}",
                                             input="Hello weir, tell me a long story",
                                             stream=True,
                                             store=False):
            kinds.append(event.type)
    except openai.APIError:
        kinds.append("error")
    assert kinds[-1] in ("error", "response.failed") and "response.completed" not in kinds
