"""Anthropic's own Python SDK, unmodified, with every kind of provider behind weir."""
import anthropic
import pydantic
import pytest

from conftest import KEY
from test_openai import NO_TOOLS, PNG


class Place(pydantic.BaseModel):
    city: str
    days: int


TOOLS = [{"name": "get_weather", "description": "Weather", "input_schema": Place.model_json_schema()}]


@pytest.fixture
def client(gateway):
    return anthropic.Anthropic(api_key=KEY, base_url=gateway, max_retries=0, timeout=20)


def ask(client, model, content, **more):
    return client.messages.create(model=model, max_tokens=300, messages=[{"role": "user", "content": content}], **more)


def test_text(client, kind):
    reply = ask(client, f"m-{kind}", "Hello weir", system="Be kind.")
    assert "Hello weir" in reply.content[0].text and reply.stop_reason == "end_turn"
    assert reply.usage.input_tokens > 0 and reply.usage.output_tokens > 0


def test_stream(client, kind):
    with client.messages.stream(model=f"m-{kind}",
                                max_tokens=300,
                                messages=[{
                                    "role": "user",
                                    "content": "Hello weir"
                                }]) as stream:
        text = "".join(stream.text_stream)
        whole = stream.get_final_message()
    assert "Hello weir" in text and whole.content[0].text == text
    assert whole.stop_reason == "end_turn" and whole.usage.output_tokens > 0


def test_tools(client, kind):
    if kind in NO_TOOLS:
        with pytest.raises(anthropic.BadRequestError):
            ask(client, f"m-{kind}", "Use the tool", tools=TOOLS)
        return
    first = ask(client, f"m-{kind}", "Use the tool", tools=TOOLS)
    call = next(block for block in first.content if block.type == "tool_use")
    assert call.name == "get_weather" and isinstance(call.input["city"], str) and first.stop_reason == "tool_use"
    messages = [{
        "role": "user",
        "content": "Use the tool"
    }, {
        "role": "assistant",
        "content": first.content
    }, {
        "role": "user",
        "content": [{
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": "sunny"
        }]
    }]
    assert client.messages.create(model=f"m-{kind}", max_tokens=300, tools=TOOLS, messages=messages).content[0].text
    with client.messages.stream(model=f"m-{kind}", max_tokens=300, tools=TOOLS, messages=messages[:1]) as stream:
        streamed = next(block for block in stream.get_final_message().content if block.type == "tool_use")
    assert isinstance(streamed.input["city"], str)


def test_vision(client, kind):
    content = [{
        "type": "image",
        "source": {
            "type": "base64",
            "media_type": "image/png",
            "data": PNG.split(",")[1]
        }
    }, {
        "type": "text",
        "text": "What is it?"
    }]
    if kind in NO_TOOLS:
        with pytest.raises(anthropic.BadRequestError):
            ask(client, f"m-{kind}", content)
        return
    assert "image" in ask(client, f"m-{kind}", content).content[0].text.lower()


def test_structured_output_is_parsed(client, kind):
    reply = client.messages.parse(model=f"m-{kind}",
                                  max_tokens=300,
                                  messages=[{
                                      "role": "user",
                                      "content": "Where?"
                                  }],
                                  output_format=Place)
    assert isinstance(reply.parsed_output, Place)


def test_thinking(client, kind):
    if kind == "huggingface-native":  # one text, without reasoning apart
        return
    reply = client.messages.create(model=f"reason-{kind}",
                                   max_tokens=4000,
                                   thinking={
                                       "type": "enabled",
                                       "budget_tokens": 1024
                                   },
                                   messages=[{
                                       "role": "user",
                                       "content": "Think"
                                   }])
    assert next(block for block in reply.content if block.type == "thinking").thinking


def test_count_tokens(client, kind):
    def count(content):
        return client.messages.count_tokens(model=f"m-{kind}", messages=[{
            "role": "user",
            "content": content
        }]).input_tokens

    assert count("Hello weir. " * 200) > count("Hello weir") + 300


def test_errors_are_the_sdks_own(client, gateway, kind):
    for model, error in ((f"limited-{kind}", anthropic.RateLimitError), ("nothing", anthropic.NotFoundError)):
        with pytest.raises(error):
            ask(client, model, "x")
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=f"m-{kind}", max_tokens=3, messages=[])
    with pytest.raises(anthropic.AuthenticationError):
        ask(anthropic.Anthropic(api_key="wrong", base_url=gateway, max_retries=0), f"m-{kind}", "x")


def test_a_stream_that_breaks_raises(client, kind):
    with pytest.raises(anthropic.APIError), client.messages.stream(model=f"breaking-{kind}",
                                                                   max_tokens=300,
                                                                   messages=[{
                                                                       "role": "user",
                                                                       "content": "Hello weir, tell me a long story"
                                                                   }]) as stream:
        stream.get_final_message()
