"""Google's own Python SDK, unmodified, with every kind of provider behind weir."""
import base64

import pydantic
import pytest
from google import genai
from google.genai import errors, types

from conftest import KEY
from test_openai import NO_TOOLS, PNG


class Place(pydantic.BaseModel):
    city: str
    days: int


WEATHER = types.Tool(function_declarations=[
    types.FunctionDeclaration(
        name="get_weather", description="Weather", parameters_json_schema=Place.model_json_schema())
])


@pytest.fixture
def client(gateway):
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway, timeout=20000))


def ask(client, model, contents, **config):
    return client.models.generate_content(model=model, contents=contents, config=types.GenerateContentConfig(**config))


def test_text(client, kind):
    reply = ask(client, f"m-{kind}", "Hello weir", system_instruction="Be kind.", top_k=40, temperature=0.5)
    assert "Hello weir" in reply.text and reply.candidates[0].finish_reason == types.FinishReason.STOP
    assert reply.usage_metadata.prompt_token_count > 0 and reply.usage_metadata.candidates_token_count > 0


def test_stream(client, kind):
    chunks = list(client.models.generate_content_stream(model=f"m-{kind}", contents="Hello weir"))
    assert "Hello weir" in "".join(chunk.text or "" for chunk in chunks)
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP and chunks[
        -1].usage_metadata.candidates_token_count > 0


def test_tools(client, kind):
    if kind in NO_TOOLS:
        with pytest.raises(errors.ClientError):
            ask(client, f"m-{kind}", "Use the tool", tools=[WEATHER])
        return
    first = ask(client, f"m-{kind}", "Use the tool", tools=[WEATHER])
    call = first.function_calls[0]
    assert call.name == "get_weather" and isinstance(call.args["city"], str)
    answer = types.Part(
        function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": "sunny"}))
    contents = [
        types.Content(role="user", parts=[types.Part(text="Use the tool")]), first.candidates[0].content,
        types.Content(role="user", parts=[answer])
    ]
    assert ask(client, f"m-{kind}", contents, tools=[WEATHER]).text


def test_a_function_is_called_by_the_sdk_itself(client, kind):
    if kind in NO_TOOLS:
        return
    asked = []

    def get_weather(city: str) -> str:
        """Weather in a city."""
        asked.append(city)
        return "sunny"

    assert ask(client, f"m-{kind}", "Use the tool", tools=[get_weather]).text and asked


def test_vision(client, kind):
    contents = [types.Part.from_bytes(data=base64.b64decode(PNG.split(",")[1]), mime_type="image/png"), "What is it?"]
    if kind in NO_TOOLS:
        with pytest.raises(errors.ClientError):
            ask(client, f"m-{kind}", contents)
        return
    assert "image" in ask(client, f"m-{kind}", contents).text.lower()


@pytest.mark.parametrize("as_json_schema", (False, True))
def test_structured_output_is_parsed(client, kind, as_json_schema):
    asked = {"response_json_schema": Place.model_json_schema()} if as_json_schema else {"response_schema": Place}
    reply = ask(client, f"m-{kind}", "Where?", response_mime_type="application/json", **asked)
    assert isinstance(Place.model_validate_json(reply.text), Place)
    assert as_json_schema or isinstance(reply.parsed, Place)


def test_a_chat_goes_on(client, kind):
    chat = client.chats.create(model=f"m-{kind}")
    assert "Hello weir" in chat.send_message("Hello weir").text and "And on" in chat.send_message("And on").text


def test_embeddings(client, kind):
    if kind == "anthropic":  # it has none
        with pytest.raises(errors.ClientError):
            client.models.embed_content(model=f"embed-{kind}", contents="one")
        return
    reply = client.models.embed_content(model=f"embed-{kind}", contents=["one", "two"])
    one = "gemini" in kind  # of a model of that name this SDK makes one content with two parts
    assert len(reply.embeddings) == (1 if one else 2) and reply.embeddings[0].values


def test_count_tokens(client, kind):
    def count(text):
        return client.models.count_tokens(model=f"m-{kind}", contents=text).total_tokens

    assert count("Hello weir. " * 200) > count("Hello weir") + 300


def test_errors_are_the_sdks_own(client, gateway, kind):
    for model, code in ((f"limited-{kind}", 429), ("nothing", 404)):
        with pytest.raises(errors.ClientError) as raised:
            ask(client, model, "x")
        assert raised.value.code == code
    with pytest.raises(errors.ClientError) as raised:
        ask(genai.Client(api_key="wrong", http_options=types.HttpOptions(base_url=gateway)), f"m-{kind}", "x")
    assert raised.value.code in (400, 401)


def test_a_stream_that_breaks_raises(client, kind):
    with pytest.raises((errors.APIError, ValueError)):
        list(
            client.models.generate_content_stream(model=f"breaking-{kind}",
                                                  contents="Hello weir, tell me a long story"))
