// The official `openai` SDK, unmodified, against weir with the mock provider behind it.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import OpenAI, { toFile } from "openai";
import { start, KEY } from "./harness.mjs";

const hello = [{ role: "user", content: "Hello weir" }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city", "days"] },
  },
};

describe("openai SDK", () => {
  let weir, client;
  before(async () => {
    weir = await start();
    client = weir.client;
  });
  afterEach(() => weir.recover());
  after(() => weir.close());

  it("answers a chat completion", async () => {
    const { data, response } = await client.chat.completions.create({ model: "gpt-4o", messages: hello }).withResponse();
    assert.match(data.choices[0].message.content, /Hello weir/);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.ok(data.usage.prompt_tokens > 0 && data.usage.completion_tokens > 0);
    assert.equal(response.headers.get("x-weir-provider"), "mock");
    assert.equal(response.headers.get("x-weir-attempts"), "1");
    assert.match(response.headers.get("x-weir-cost"), /^0\.\d{9}$/);
  });

  it("streams a chat completion, without the usage that was not asked for", async () => {
    const stream = await client.chat.completions.create({ model: "gpt-4o", messages: hello, stream: true });
    let text = "", finish = null, usage = 0;
    for await (const chunk of stream) {
      if (chunk.choices.length === 0) usage++;
      text += chunk.choices[0]?.delta?.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    assert.match(text, /Hello weir/);
    assert.equal(finish, "stop");
    assert.equal(usage, 0);
  });

  it("streams the usage to a caller that asks for it", async () => {
    const stream = await client.chat.completions.create({ model: "gpt-4o", messages: hello, stream: true, stream_options: { include_usage: true } });
    let usage = null;
    for await (const chunk of stream) usage = chunk.usage ?? usage;
    assert.ok(usage.completion_tokens > 0);
  });

  it("streams through the SDK's own accumulator", async () => {
    const completion = await client.chat.completions.stream({ model: "gpt-4o", messages: hello }).finalChatCompletion();
    assert.match(completion.choices[0].message.content, /Hello weir/);
  });

  it("calls a tool and takes its result", async () => {
    const first = await client.chat.completions.create({ model: "gpt-4o", messages: hello, tools: [weather], tool_choice: "required" });
    const call = first.choices[0].message.tool_calls[0];
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    assert.equal(call.function.name, "get_weather");
    assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
    const second = await client.chat.completions.create({
      model: "gpt-4o",
      tools: [weather],
      messages: [...hello, first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }],
    });
    assert.equal(second.choices[0].finish_reason, "stop");
    assert.match(second.choices[0].message.content, /sunny/);
  });

  it("streams a tool call in fragments", async () => {
    const stream = client.chat.completions.stream({ model: "gpt-4o", messages: hello, tools: [weather], tool_choice: "required" });
    const completion = await stream.finalChatCompletion();
    assert.equal(completion.choices[0].message.tool_calls[0].function.name, "get_weather");
    assert.ok(JSON.parse(completion.choices[0].message.tool_calls[0].function.arguments).city);
  });

  it("sends an image", async () => {
    const pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const completion = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: pixel } }] }],
    });
    assert.match(completion.choices[0].message.content, /image/i);
  });

  it("answers with structured output", async () => {
    const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
    const completion = await client.chat.completions.create({
      model: "gpt-4o",
      messages: hello,
      response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } },
    });
    const person = JSON.parse(completion.choices[0].message.content);
    assert.equal(typeof person.name, "string");
    assert.equal(typeof person.age, "number");
  });

  it("embeds, in the SDK's own encoding", async () => {
    const reply = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
    assert.equal(reply.data.length, 2);
    assert.ok(reply.data[0].embedding.length > 1);
    assert.equal(typeof reply.data[0].embedding[0], "number");
  });

  it("answers an old completion", async () => {
    const reply = await client.completions.create({ model: "gpt-4o", prompt: "Hello weir" });
    assert.match(reply.choices[0].text, /Hello weir/);
  });

  it("lists and finds models", async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids.sort(), ["default", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small"]);
    assert.equal((await client.models.retrieve("gpt-4o")).id, "gpt-4o");
  });

  it("passes moderations, images, speech and transcriptions through", async () => {
    const any = { model: "mock/any-model" };
    assert.equal((await client.moderations.create({ ...any, input: "fine" })).results.length, 1);
    assert.ok((await client.images.generate({ ...any, prompt: "a weir" })).data.length > 0);
    const speech = await client.audio.speech.create({ ...any, input: "hello", voice: "alloy" });
    assert.ok((await speech.arrayBuffer()).byteLength > 0);
    const file = await toFile(Buffer.from("RIFFxxxxWAVE"), "speech.wav");
    assert.equal(typeof (await client.audio.transcriptions.create({ ...any, file })).text, "string");
  });

  it("aborts in mid stream, and the provider's work is cancelled", async () => {
    const before = (await (await fetch(`${weir.mockUrl.replace(/\/v1$/, "")}/mock/requests`)).json()).aborted ?? 0;
    const stream = await client.chat.completions.create({ model: "gpt-4o", stream: true, messages: [{ role: "user", content: "[mock rate=20 tokens=400] Hello" }] });
    for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) break;
    stream.controller.abort();
    const until = Date.now() + 10000;
    let aborted = before;
    while (aborted === before && Date.now() < until) aborted = (await (await fetch(`${weir.mockUrl.replace(/\/v1$/, "")}/mock/requests`)).json()).aborted;
    assert.equal(aborted, before + 1);
  });

  it("raises the SDK's own exception for each class of error", async () => {
    const table = [
      [400, OpenAI.BadRequestError],
      [404, OpenAI.NotFoundError],
      [409, OpenAI.ConflictError],
      [422, OpenAI.UnprocessableEntityError],
      [429, OpenAI.RateLimitError],
      [500, OpenAI.InternalServerError],
      [503, OpenAI.InternalServerError],
    ];
    for (const [status, type] of table) {
      const error = await client.chat.completions.create({ model: `mock/mock-fault-status=${status}`, messages: hello }).then(
        () => assert.fail(`no error for ${status}`),
        (e) => e,
      );
      assert.ok(error instanceof type, `${status}: ${error.constructor.name}`);
      assert.equal(error.status, status);
      await weir.recover();
    }
  });

  it("never shows the provider's refusal of weir's own key as the caller's", async () => {
    const error = await client.chat.completions.create({ model: "mock/mock-fault-status=401", messages: hello }).catch((e) => e);
    assert.equal(error.status, 502);
    assert.equal(error.code, "provider_auth");
  });

  it("raises AuthenticationError for a wrong client key", async () => {
    const stranger = new OpenAI({ apiKey: "nobody", baseURL: `${weir.url}/v1`, maxRetries: 0 });
    await assert.rejects(stranger.chat.completions.create({ model: "gpt-4o", messages: hello }), OpenAI.AuthenticationError);
  });

  it("raises NotFoundError for an unknown model", async () => {
    const error = await client.chat.completions.create({ model: "no-such-model", messages: hello }).catch((e) => e);
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
  });

  it("raises BadRequestError for a body of the wrong type", async () => {
    const error = await client.chat.completions.create({ model: 5, messages: hello }).catch((e) => e);
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "model");
  });

  it("raises on an error event in mid stream", async () => {
    const stream = await client.chat.completions.create({ model: "mock/mock-fault-reset-mid-stream=4", messages: hello, stream: true });
    let text = "";
    await assert.rejects(async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    }, OpenAI.APIError);
  });

  it("times out as the SDK does", async () => {
    const hasty = new OpenAI({ apiKey: KEY, baseURL: `${weir.url}/v1`, maxRetries: 0, timeout: 300 });
    await assert.rejects(hasty.chat.completions.create({ model: "mock/mock-fault-hang", messages: hello }), OpenAI.APIConnectionTimeoutError);
  });

  it("retries by the SDK's own rule when told to", async () => {
    const base = weir.mockUrl.replace(/\/v1$/, "");
    await fetch(`${base}/mock/fault`, { method: "POST", body: JSON.stringify({ spec: "status=503,retry-after-ms=5", count: 1 }), headers: { "content-type": "application/json" } });
    const patient = new OpenAI({ apiKey: KEY, baseURL: `${weir.url}/v1`, maxRetries: 2 });
    const completion = await patient.chat.completions.create({ model: "gpt-4o", messages: hello });
    assert.match(completion.choices[0].message.content, /Hello weir/);
  });
});
