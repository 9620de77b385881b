// The mock in the vendors' own dialects: their SDKs, unmodified, straight against it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Ollama } from "ollama";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { startMock } from "./harness.mjs";

describe("the mock in every dialect", () => {
  let mock;
  before(async () => (mock = await startMock()));
  after(() => mock.close());
  const weather = { type: "function", function: { name: "get_weather", description: "Weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };

  it("answers Ollama's own client: text, stream, tools, thinking, embeddings, errors", async () => {
    const client = new Ollama({ host: mock.url });
    const messages = [{ role: "user", content: "Hello weir" }];
    const whole = await client.chat({ model: "m", messages, stream: false });
    assert.match(whole.message.content, /Hello weir/);
    assert.ok(whole.done && whole.eval_count > 0);
    let text = "", last;
    for await (const part of await client.chat({ model: "m", messages, stream: true })) {
      text += part.message.content;
      last = part;
    }
    assert.match(text, /Hello weir/);
    assert.ok(last.done && last.done_reason === "stop");
    const called = await client.chat({ model: "m", messages: [{ role: "user", content: "Use the tool" }], tools: [weather], stream: false });
    assert.equal(called.message.tool_calls[0].function.name, "get_weather");
    assert.equal(typeof called.message.tool_calls[0].function.arguments.city, "string");
    const thought = await client.chat({ model: "reason-m", messages, think: true, stream: false });
    assert.ok(thought.message.thinking.length > 0);
    const { embeddings } = await client.embed({ model: "embed", input: ["one", "two"] });
    assert.ok(embeddings.length === 2 && embeddings[0].length > 0);
    await assert.rejects(client.chat({ model: "mock-fault-status=429", messages }), (error) => error.status_code === 429);
  });

  it("answers Anthropic's", async () => {
    const client = new Anthropic({ apiKey: "k", baseURL: mock.url, maxRetries: 0 });
    const whole = await client.messages.create({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "Hello weir" }] });
    assert.match(whole.content[0].text, /Hello weir/);
    const streamed = await client.messages.stream({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "Hello weir" }] }).finalMessage();
    assert.deepEqual(streamed.content, whole.content);
    await assert.rejects(client.messages.create({ model: "mock-fault-status=429", max_tokens: 3, messages: [{ role: "user", content: "x" }] }), Anthropic.RateLimitError);
  });

  it("answers Google's", async () => {
    const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: mock.url } });
    assert.match((await client.models.generateContent({ model: "m", contents: "Hello weir" })).text, /Hello weir/);
    let text = "";
    for await (const chunk of await client.models.generateContentStream({ model: "m", contents: "Hello weir" })) text += chunk.text ?? "";
    assert.match(text, /Hello weir/);
    const array = await (await fetch(`${mock.url}/v1beta/models/m:streamGenerateContent`, { method: "POST", body: JSON.stringify({ contents: [{ parts: [{ text: "Hello weir" }] }] }) })).json();
    assert.ok(Array.isArray(array) && array.at(-1).candidates[0].finishReason === "STOP");
  });
});
