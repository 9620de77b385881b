// Every official SDK, unmodified, with every kind of provider behind weir: one matrix of SDK x ability x outbound. A cell
// is passed, failed, or named as unsupported with its reason: then it is shown that weir refuses (with the status in the
// table `cannot`), or that what was asked for is not in the answer.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI, FunctionCallingConfigMode } from "@google/genai";
import Groq from "groq-sdk";
import { InferenceClient } from "@huggingface/inference";
import { generateText, streamText, generateObject, streamObject, embedMany, tool, stepCountIs, jsonSchema } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { startChain, KEY } from "./harness.mjs";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const schema = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city", "days"], additionalProperties: false };
const chain = await startChain();
const results = {};

const picture = `data:image/png;base64,${png}`;

// Whatever an SDK calls the status of the error it throws.
const statusOf = (error) => error.status ?? error.statusCode ?? error.httpResponse?.status;

// What is not to be had, by the kind of provider, the ability and (some) the SDK. `status`: weir refuses with it before
// anybody is asked. Without one the answer comes, but what was asked for is not in it.
const cannot = [
  { kind: "huggingface-native", ability: "tools", status: 400, why: "Hugging Face's own text generation completes a text and knows no tools" },
  { kind: "huggingface-native", ability: "vision", status: 400, why: "Hugging Face's own text generation takes text only" },
  { kind: "huggingface-native", ability: "reasoning", why: "Hugging Face's own text generation gives one text, without reasoning apart" },
  { kind: "huggingface-native", ability: "structured", sdk: "ai (anthropic)", status: 400, why: "this SDK forces a tool, and Hugging Face's own text generation knows none" },
  { kind: "anthropic", ability: "embeddings", status: 400, why: "Anthropic has no embeddings" },
  { ability: "reasoning", sdk: "ai (openai)", why: "its chat provider reads no reasoning text" },
  ...["openai", "anthropic", "gemini", "ollama-native", "cloudflare-native"].map((kind) => ({ kind, ability: "featureExtraction", status: 404, why: "it posts `inputs` to the endpoint itself and names no model: a provider of Hugging Face's own API can be asked so, below /providers/NAME" })),
];
const why = (kind, ability, sdk) => cannot.find((row) => row.ability === ability && (row.kind ?? kind) === kind && (row.sdk ?? sdk) === sdk);

const isAbort = (error) => /abort/i.test(error.name + error.message + (error.cause?.name ?? ""));

// -- OpenAI's chat API: its own SDK, and Groq's, which speaks it too ------------------------------------------------------

function openaiChat(client) {
  const user = (content) => [{ role: "user", content }];
  const tools = [{ type: "function", function: { name: "get_weather", description: "Weather", parameters: schema } }];
  return {
    async text(kind) {
      const reply = await client.chat.completions.create({ model: `m-${kind}`, messages: [{ role: "system", content: "Be kind." }, ...user("Hello weir")] });
      assert.match(reply.choices[0].message.content, /Hello weir/);
      assert.equal(reply.choices[0].finish_reason, "stop");
      assert.ok(reply.usage.prompt_tokens > 0 && reply.usage.completion_tokens > 0);
    },
    async stream(kind) {
      const stream = await client.chat.completions.create({ model: `m-${kind}`, messages: user("Hello weir"), stream: true, stream_options: { include_usage: true } });
      let text = "", finish, usage;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      assert.match(text, /Hello weir/);
      assert.equal(finish, "stop");
      assert.ok(usage.completion_tokens > 0);
    },
    async tools(kind) {
      const messages = user("Use the tool");
      const first = await client.chat.completions.create({ model: `m-${kind}`, messages, tools });
      const [call] = first.choices[0].message.tool_calls;
      assert.equal(call.function.name, "get_weather");
      assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
      assert.equal(first.choices[0].finish_reason, "tool_calls");
      const second = await client.chat.completions.create({ model: `m-${kind}`, tools, messages: [...messages, first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }] });
      assert.ok(second.choices[0].message.content.length > 0);
      let name = "", pieces = "", finish;
      for await (const chunk of await client.chat.completions.create({ model: `m-${kind}`, messages, tools, stream: true })) {
        for (const part of chunk.choices[0]?.delta?.tool_calls ?? []) {
          name += part.function?.name ?? "";
          pieces += part.function?.arguments ?? "";
        }
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
      assert.equal(name, "get_weather");
      assert.equal(typeof JSON.parse(pieces).city, "string");
      assert.equal(finish, "tool_calls");
    },
    async vision(kind) {
      const reply = await client.chat.completions.create({ model: `m-${kind}`, messages: user([{ type: "text", text: "What is it?" }, { type: "image_url", image_url: { url: picture } }]) });
      assert.match(reply.choices[0].message.content, /image/i);
    },
    async structured(kind) {
      const reply = await client.chat.completions.create({ model: `m-${kind}`, messages: user("Where?"), response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema } } });
      const value = JSON.parse(reply.choices[0].message.content);
      assert.ok(typeof value.city === "string" && Number.isInteger(value.days));
    },
    async reasoning(kind) {
      const reply = await client.chat.completions.create({ model: `reason-${kind}`, messages: user("Think") });
      assert.ok(reply.choices[0].message.reasoning_content.length > 0);
      let thought = "";
      for await (const chunk of await client.chat.completions.create({ model: `reason-${kind}`, messages: user("Think"), stream: true })) thought += chunk.choices[0]?.delta?.reasoning_content ?? "";
      assert.equal(thought, reply.choices[0].message.reasoning_content);
    },
    async errors(kind) {
      const Errors = client.constructor;
      await assert.rejects(client.chat.completions.create({ model: `limited-${kind}`, messages: user("x") }), Errors.RateLimitError);
      await assert.rejects(client.chat.completions.create({ model: "nothing", messages: user("x") }), Errors.NotFoundError);
      await assert.rejects(client.chat.completions.create({ model: `m-${kind}`, messages: [] }), Errors.BadRequestError);
      await assert.rejects(new Errors({ apiKey: "wrong", baseURL: client.baseURL, maxRetries: 0 }).chat.completions.create({ model: `m-${kind}`, messages: user("x") }), Errors.AuthenticationError);
    },
    async embeddings(kind) {
      const reply = await client.embeddings.create({ model: `embed-${kind}`, input: ["one", "two"] });
      assert.equal(reply.data.length, 2);
      assert.ok(reply.data[1].index === 1 && reply.data[1].embedding.length > 0 && typeof reply.data[1].embedding[0] === "number");
      assert.notDeepEqual(reply.data[0].embedding, reply.data[1].embedding);
    },
    async abort(kind) {
      const controller = new AbortController();
      const stream = await client.chat.completions.create({ model: `m-${kind}`, messages: user("[mock tokens=500 rate=20] x"), stream: true }, { signal: controller.signal });
      let events = 0;
      try {
        for await (const _ of stream) if (++events === 2) controller.abort();
      } catch (error) {
        assert.ok(isAbort(error), error);
      }
      assert.ok(events < 20);
    },
    async breaking(kind) {
      const stream = await client.chat.completions.create({ model: `breaking-${kind}`, messages: user("Hello weir, tell me a long story"), stream: true });
      await assert.rejects(async () => { for await (const _ of stream); });
    },
  };
}

// Of OpenAI's SDK alone: the older completions.
const openaiCompletions = (client) => ({
  async completions(kind) {
    const reply = await client.completions.create({ model: `m-${kind}`, prompt: "Hello weir", max_tokens: 50 });
    assert.match(reply.choices[0].text, /Hello weir/);
    assert.ok(reply.usage.completion_tokens > 0);
    let text = "";
    for await (const chunk of await client.completions.create({ model: `m-${kind}`, prompt: "Hello weir", max_tokens: 50, stream: true })) text += chunk.choices[0]?.text ?? "";
    assert.equal(text, reply.choices[0].text);
  },
});

// -- OpenAI's Responses API -----------------------------------------------------------------------------------------------

function openaiResponses(client) {
  const ask = (model, input, more = {}) => client.responses.create({ model, input, store: false, ...more });
  const tools = [{ type: "function", name: "get_weather", description: "Weather", parameters: schema, strict: false }];
  return {
    async text(kind) {
      const reply = await ask(`m-${kind}`, "Hello weir", { instructions: "Be kind." });
      assert.match(reply.output_text, /Hello weir/);
      assert.equal(reply.status, "completed");
      assert.ok(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
    },
    async stream(kind) {
      let text = "", whole, order = [], number = -1;
      for await (const event of await ask(`m-${kind}`, "Hello weir", { stream: true })) {
        assert.equal(event.sequence_number, ++number);
        order.push(event.type);
        if (event.type === "response.output_text.delta") text += event.delta;
        if (event.type === "response.completed") whole = event.response;
      }
      assert.match(text, /Hello weir/);
      assert.equal(whole.output.at(-1).content[0].text, text);
      assert.deepEqual([...new Set(order)], ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"]);
    },
    async tools(kind) {
      const input = [{ role: "user", content: "Use the tool" }];
      const first = await ask(`m-${kind}`, input, { tools });
      const call = first.output.find((item) => item.type === "function_call");
      assert.equal(typeof JSON.parse(call.arguments).city, "string");
      const second = await ask(`m-${kind}`, [...input, ...first.output, { type: "function_call_output", call_id: call.call_id, output: "sunny" }], { tools });
      assert.ok(second.output_text.length > 0);
      const streamed = await client.responses.stream({ model: `m-${kind}`, input, tools, store: false }).finalResponse();
      assert.equal(typeof JSON.parse(streamed.output.find((item) => item.type === "function_call").arguments).city, "string");
    },
    async vision(kind) {
      const reply = await ask(`m-${kind}`, [{ role: "user", content: [{ type: "input_text", text: "What is it?" }, { type: "input_image", image_url: picture, detail: "auto" }] }]);
      assert.match(reply.output_text, /image/i);
    },
    async structured(kind) {
      const reply = await ask(`m-${kind}`, "Where?", { text: { format: { type: "json_schema", name: "place", strict: true, schema } } });
      assert.ok(Number.isInteger(JSON.parse(reply.output_text).days));
    },
    async reasoning(kind) {
      const reply = await ask(`reason-${kind}`, "Think", { reasoning: { effort: "low", summary: "auto" } });
      const thought = reply.output.find((item) => item.type === "reasoning").summary[0].text;
      assert.ok(thought.length > 0);
      let streamed = "";
      for await (const event of await ask(`reason-${kind}`, "Think", { stream: true, reasoning: { effort: "low", summary: "auto" } })) if (event.type === "response.reasoning_summary_text.delta") streamed += event.delta;
      assert.equal(streamed, thought);
    },
    async errors(kind) {
      await assert.rejects(ask(`limited-${kind}`, "x"), OpenAI.RateLimitError);
      await assert.rejects(ask("nothing", "x"), OpenAI.NotFoundError);
      await assert.rejects(ask(`m-${kind}`, []), OpenAI.BadRequestError);
      await assert.rejects(ask(`m-${kind}`, "x", { previous_response_id: "resp_1" }), OpenAI.BadRequestError);
    },
    async abort(kind) {
      const controller = new AbortController();
      const stream = await client.responses.create({ model: `m-${kind}`, input: "[mock tokens=500 rate=20] x", stream: true, store: false }, { signal: controller.signal });
      let events = 0;
      try {
        for await (const _ of stream) if (++events === 8) controller.abort();
      } catch (error) {
        assert.ok(isAbort(error), error);
      }
      assert.ok(events < 30);
    },
    async breaking(kind) {
      await assert.rejects(async () => {
        for await (const event of await ask(`breaking-${kind}`, "Hello weir, tell me a long story", { stream: true })) if (event.type === "response.completed") return;
      });
    },
  };
}

// -- Anthropic's ----------------------------------------------------------------------------------------------------------

function anthropicMessages(client) {
  const ask = (model, content, more = {}) => client.messages.create({ model, max_tokens: 300, messages: [{ role: "user", content }], ...more });
  const tools = [{ name: "get_weather", description: "Weather", input_schema: schema }];
  return {
    async text(kind) {
      const reply = await ask(`m-${kind}`, "Hello weir", { system: "Be kind." });
      assert.match(reply.content[0].text, /Hello weir/);
      assert.equal(reply.stop_reason, "end_turn");
      assert.ok(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
    },
    async stream(kind) {
      const stream = client.messages.stream({ model: `m-${kind}`, max_tokens: 300, messages: [{ role: "user", content: "Hello weir" }] });
      let text = "";
      stream.on("text", (piece) => (text += piece));
      const whole = await stream.finalMessage();
      assert.match(text, /Hello weir/);
      assert.equal(whole.content[0].text, text);
      assert.equal(whole.stop_reason, "end_turn");
      assert.ok(whole.usage.output_tokens > 0);
    },
    async tools(kind) {
      const first = await ask(`m-${kind}`, "Use the tool", { tools });
      const call = first.content.find((block) => block.type === "tool_use");
      assert.equal(call.name, "get_weather");
      assert.equal(typeof call.input.city, "string");
      assert.equal(first.stop_reason, "tool_use");
      const messages = [{ role: "user", content: "Use the tool" }, { role: "assistant", content: first.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] }];
      const second = await client.messages.create({ model: `m-${kind}`, max_tokens: 300, tools, messages });
      assert.ok(second.content[0].text.length > 0);
      const streamed = await client.messages.stream({ model: `m-${kind}`, max_tokens: 300, tools, messages: messages.slice(0, 1) }).finalMessage();
      assert.equal(typeof streamed.content.find((block) => block.type === "tool_use").input.city, "string");
    },
    async vision(kind) {
      const reply = await ask(`m-${kind}`, [{ type: "image", source: { type: "base64", media_type: "image/png", data: png } }, { type: "text", text: "What is it?" }]);
      assert.match(reply.content[0].text, /image/i);
    },
    async structured(kind) {
      const reply = await ask(`m-${kind}`, "Where?", { output_config: { format: { type: "json_schema", schema } } });
      assert.ok(Number.isInteger(JSON.parse(reply.content[0].text).days));
    },
    async reasoning(kind) {
      const reply = await ask(`reason-${kind}`, "Think", { max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 1024 } });
      const thought = reply.content.find((block) => block.type === "thinking").thinking;
      assert.ok(thought.length > 0);
      const streamed = await client.messages.stream({ model: `reason-${kind}`, max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 1024 }, messages: [{ role: "user", content: "Think" }] }).finalMessage();
      assert.equal(streamed.content.find((block) => block.type === "thinking").thinking, thought);
    },
    async errors(kind) {
      await assert.rejects(ask(`limited-${kind}`, "x"), Anthropic.RateLimitError);
      await assert.rejects(ask("nothing", "x"), Anthropic.NotFoundError);
      await assert.rejects(client.messages.create({ model: `m-${kind}`, max_tokens: 3, messages: [] }), Anthropic.BadRequestError);
      await assert.rejects(new Anthropic({ apiKey: "wrong", baseURL: chain.url, maxRetries: 0 }).messages.create({ model: `m-${kind}`, max_tokens: 3, messages: [{ role: "user", content: "x" }] }), Anthropic.AuthenticationError);
    },
    async abort(kind) {
      const stream = client.messages.stream({ model: `m-${kind}`, max_tokens: 3000, messages: [{ role: "user", content: "[mock tokens=500 rate=20] x" }] });
      let events = 0;
      try {
        for await (const _ of stream) if (++events === 5) stream.abort();
      } catch (error) {
        assert.ok(isAbort(error), error);
      }
      assert.ok(events < 30);
    },
    async breaking(kind) {
      await assert.rejects(client.messages.stream({ model: `breaking-${kind}`, max_tokens: 300, messages: [{ role: "user", content: "Hello weir, tell me a long story" }] }).finalMessage());
    },
    async count(kind) {
      const ask = (content) => client.messages.countTokens({ model: `m-${kind}`, system: "Be kind.", tools, messages: [{ role: "user", content }] });
      const short = await ask("Hello weir"), long = await ask("Hello weir. ".repeat(200));
      assert.ok(short.input_tokens > 3 && long.input_tokens > short.input_tokens + 300);
      await assert.rejects(client.messages.countTokens({ model: "nothing", messages: [{ role: "user", content: "x" }] }), Anthropic.NotFoundError);
    },
  };
}

// -- Google's -------------------------------------------------------------------------------------------------------------

function googleGenerate(client) {
  const ask = (model, contents, config = {}) => client.models.generateContent({ model, contents, config });
  const tools = [{ functionDeclarations: [{ name: "get_weather", description: "Weather", parametersJsonSchema: schema }] }];
  return {
    async text(kind) {
      const reply = await ask(`m-${kind}`, "Hello weir", { systemInstruction: "Be kind." });
      assert.match(reply.text, /Hello weir/);
      assert.equal(reply.candidates[0].finishReason, "STOP");
      assert.ok(reply.usageMetadata.promptTokenCount > 0 && reply.usageMetadata.candidatesTokenCount > 0);
    },
    async stream(kind) {
      let text = "", last;
      for await (const chunk of await client.models.generateContentStream({ model: `m-${kind}`, contents: "Hello weir" })) {
        text += chunk.text ?? "";
        last = chunk;
      }
      assert.match(text, /Hello weir/);
      assert.equal(last.candidates[0].finishReason, "STOP");
      assert.ok(last.usageMetadata.candidatesTokenCount > 0);
    },
    async tools(kind) {
      const first = await ask(`m-${kind}`, "Use the tool", { tools, toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } } });
      const [call] = first.functionCalls;
      assert.equal(call.name, "get_weather");
      assert.equal(typeof call.args.city, "string");
      const second = await ask(`m-${kind}`, [{ role: "user", parts: [{ text: "Use the tool" }] }, first.candidates[0].content, { role: "user", parts: [{ functionResponse: { id: call.id, name: call.name, response: { result: "sunny" } } }] }], { tools });
      assert.ok(second.text.length > 0);
      let streamed;
      for await (const chunk of await client.models.generateContentStream({ model: `m-${kind}`, contents: "Use the tool", config: { tools } })) streamed = chunk.functionCalls?.[0] ?? streamed;
      assert.equal(typeof streamed.args.city, "string");
    },
    async vision(kind) {
      const reply = await ask(`m-${kind}`, [{ role: "user", parts: [{ text: "What is it?" }, { inlineData: { mimeType: "image/png", data: png } }] }]);
      assert.match(reply.text, /image/i);
    },
    async structured(kind) {
      const reply = await ask(`m-${kind}`, "Where?", { responseMimeType: "application/json", responseJsonSchema: schema });
      assert.ok(Number.isInteger(JSON.parse(reply.text).days));
    },
    async reasoning(kind) {
      const reply = await ask(`reason-${kind}`, "Think", { thinkingConfig: { includeThoughts: true } });
      const thought = (parts) => parts.filter((part) => part.thought).map((part) => part.text).join("");
      assert.ok(thought(reply.candidates[0].content.parts).length > 0);
      let streamed = "";
      for await (const chunk of await client.models.generateContentStream({ model: `reason-${kind}`, contents: "Think", config: { thinkingConfig: { includeThoughts: true } } })) streamed += thought(chunk.candidates?.[0]?.content?.parts ?? []);
      assert.equal(streamed, thought(reply.candidates[0].content.parts));
    },
    async errors(kind) {
      await assert.rejects(ask(`limited-${kind}`, "x"), (error) => error.name === "ApiError" && error.status === 429);
      await assert.rejects(ask("nothing", "x"), (error) => error.status === 404);
      await assert.rejects(new GoogleGenAI({ apiKey: "wrong", httpOptions: { baseUrl: chain.url } }).models.generateContent({ model: `m-${kind}`, contents: "x" }), (error) => error.status === 401);
    },
    async abort(kind) {
      const controller = new AbortController();
      let events = 0;
      try {
        const stream = await client.models.generateContentStream({ model: `m-${kind}`, contents: "[mock tokens=500 rate=20] x", config: { abortSignal: controller.signal } });
        for await (const _ of stream) if (++events === 2) controller.abort();
      } catch (error) {
        assert.ok(isAbort(error), error);
      }
      assert.ok(events < 20);
    },
    async breaking(kind) {
      await assert.rejects(async () => { for await (const _ of await client.models.generateContentStream({ model: `breaking-${kind}`, contents: "Hello weir, tell me a long story" })); });
    },
    async embeddings(kind) {
      const reply = await client.models.embedContent({ model: `embed-${kind}`, contents: ["one", "two"] });
      assert.equal(reply.embeddings.length, 2);
      assert.ok(reply.embeddings[0].values.length > 0);
    },
    async count(kind) {
      const short = await client.models.countTokens({ model: `m-${kind}`, contents: "Hello weir" });
      const long = await client.models.countTokens({ model: `m-${kind}`, contents: "Hello weir. ".repeat(200) });
      assert.ok(short.totalTokens > 0 && long.totalTokens > short.totalTokens + 300);
      await assert.rejects(client.models.countTokens({ model: "nothing", contents: "x" }), (error) => error.status === 404);
    },
    async chats(kind) {
      const chat = client.chats.create({ model: `m-${kind}` });
      assert.match((await chat.sendMessage({ message: "Hello weir" })).text, /Hello weir/);
      let text = "";
      for await (const chunk of await chat.sendMessageStream({ message: "And again" })) text += chunk.text ?? "";
      assert.match(text, /And again/);
      assert.equal(chat.getHistory().length, 4);
    },
  };
}

// -- the Vercel AI SDK ----------------------------------------------------------------------------------------------------

function vercel(model, embedding) {
  const weather = tool({ description: "Weather", inputSchema: jsonSchema(schema), execute: async () => "sunny" });
  return {
    async text(kind) {
      const { text, finishReason, usage } = await generateText({ model: model(`m-${kind}`), system: "Be kind.", prompt: "Hello weir", maxRetries: 0 });
      assert.match(text, /Hello weir/);
      assert.equal(finishReason, "stop");
      assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
    },
    async stream(kind) {
      const result = streamText({ model: model(`m-${kind}`), prompt: "Hello weir", maxRetries: 0 });
      let text = "";
      for await (const piece of result.textStream) text += piece;
      assert.match(text, /Hello weir/);
      assert.equal(await result.finishReason, "stop");
      assert.ok((await result.usage).outputTokens > 0);
    },
    async tools(kind) {
      const { steps, text } = await generateText({ model: model(`m-${kind}`), prompt: "Use the tool", tools: { get_weather: weather }, stopWhen: stepCountIs(3), maxRetries: 0 });
      assert.equal(steps[0].toolCalls[0].toolName, "get_weather");
      assert.ok(steps.length >= 2 && text.length > 0);
      const streamed = streamText({ model: model(`m-${kind}`), prompt: "Use the tool", tools: { get_weather: weather }, stopWhen: stepCountIs(3), maxRetries: 0, onError() {} });
      await streamed.consumeStream();
      const parts = await streamed.steps;
      assert.equal(typeof parts[0].toolCalls[0].input.city, "string");
      assert.equal(parts[0].toolResults[0].output, "sunny");
      assert.equal(parts.at(-1).text, text);
    },
    async vision(kind) {
      const { text } = await generateText({ model: model(`m-${kind}`), messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, { type: "image", image: Buffer.from(png, "base64") }] }], maxRetries: 0 });
      assert.match(text, /image/i);
    },
    async structured(kind) {
      const { object } = await generateObject({ model: model(`m-${kind}`), schema: jsonSchema(schema), prompt: "Where?", maxRetries: 0 });
      assert.ok(Number.isInteger(object.days));
      const streamed = streamObject({ model: model(`m-${kind}`), schema: jsonSchema(schema), prompt: "Where?", maxRetries: 0, onError() {} });
      let last;
      for await (const partial of streamed.partialObjectStream) last = partial;
      assert.deepEqual(last, object);
      assert.deepEqual(await streamed.object, object);
    },
    async reasoning(kind) {
      const providerOptions = { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } }, google: { thinkingConfig: { includeThoughts: true } }, openai: { reasoningSummary: "auto", forceReasoning: true } };
      const { reasoningText } = await generateText({ model: model(`reason-${kind}`), prompt: "Think", providerOptions, maxRetries: 0 });
      assert.ok(reasoningText.length > 0);
      assert.equal(await streamText({ model: model(`reason-${kind}`), prompt: "Think", providerOptions, maxRetries: 0 }).reasoningText, reasoningText);
    },
    async errors(kind) {
      await assert.rejects(generateText({ model: model(`limited-${kind}`), prompt: "x", maxRetries: 0 }), (error) => error.statusCode === 429);
      await assert.rejects(generateText({ model: model("nothing"), prompt: "x", maxRetries: 0 }), (error) => error.statusCode === 404);
    },
    async abort(kind) {
      const controller = new AbortController();
      const result = streamText({ model: model(`m-${kind}`), prompt: "[mock tokens=500 rate=20] x", abortSignal: controller.signal, maxRetries: 0, onError() {} });
      let pieces = 0;
      try {
        for await (const _ of result.textStream) if (++pieces === 2) controller.abort();
      } catch (error) {
        assert.ok(isAbort(error), error);
      }
      assert.ok(pieces < 20);
    },
    async breaking(kind) {
      const result = streamText({ model: model(`breaking-${kind}`), prompt: "Hello weir, tell me a long story", maxRetries: 0, onError() {} });
      const types = [];
      for await (const part of result.fullStream) types.push(part.type);
      assert.ok(types.includes("error"), String(types));
    },
    ...(embedding && {
      async embeddings(kind) {
        const { embeddings } = await embedMany({ model: embedding(`embed-${kind}`), values: ["one", "two"], maxRetries: 0 });
        assert.equal(embeddings.length, 2);
        assert.ok(embeddings[0].length > 0);
        assert.notDeepEqual(embeddings[0], embeddings[1]);
      },
    }),
  };
}

// -- Hugging Face's: chat as OpenAI has it, below the /v1 of an endpoint --------------------------------------------------

function huggingface(client) {
  const ask = (model, content, more = {}, options = {}) => client.chatCompletion({ model, messages: [{ role: "user", content }], ...more }, options);
  const stream = (model, content, more = {}, options = {}) => client.chatCompletionStream({ model, messages: [{ role: "user", content }], ...more }, options);
  const tools = [{ type: "function", function: { name: "get_weather", description: "Weather", parameters: schema } }];
  const fails = (promise, status) => assert.rejects(promise, (error) => error.name === "ProviderApiError" && error.httpResponse.status === status);
  return {
    async text(kind) {
      const reply = await client.chatCompletion({ model: `m-${kind}`, max_tokens: 300, temperature: 0.5, messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "Hello weir" }] });
      assert.match(reply.choices[0].message.content, /Hello weir/);
      assert.equal(reply.choices[0].finish_reason, "stop");
      assert.ok(reply.usage.prompt_tokens > 0 && reply.usage.completion_tokens > 0);
      assert.ok(typeof reply.id === "string" && Number.isInteger(reply.created));
    },
    async stream(kind) {
      let text = "", finish, usage;
      for await (const chunk of stream(`m-${kind}`, "Hello weir", { stream_options: { include_usage: true } })) {
        text += chunk.choices[0]?.delta?.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      assert.match(text, /Hello weir/);
      assert.equal(finish, "stop");
      assert.ok(usage.completion_tokens > 0);
    },
    async tools(kind) {
      const messages = [{ role: "user", content: "Use the tool" }];
      const first = await client.chatCompletion({ model: `m-${kind}`, messages, tools, tool_choice: "auto" });
      const [call] = first.choices[0].message.tool_calls;
      assert.equal(call.function.name, "get_weather");
      assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
      assert.equal(first.choices[0].finish_reason, "tool_calls");
      const second = await client.chatCompletion({ model: `m-${kind}`, tools, messages: [...messages, first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }] });
      assert.ok(second.choices[0].message.content.length > 0);
      let pieces = "";
      for await (const chunk of stream(`m-${kind}`, "Use the tool", { tools })) for (const part of chunk.choices[0]?.delta?.tool_calls ?? []) pieces += part.function?.arguments ?? "";
      assert.equal(typeof JSON.parse(pieces).city, "string");
    },
    async vision(kind) {
      const reply = await ask(`m-${kind}`, [{ type: "text", text: "What is it?" }, { type: "image_url", image_url: { url: picture } }]);
      assert.match(reply.choices[0].message.content, /image/i);
    },
    async structured(kind) {
      const reply = await ask(`m-${kind}`, "Where?", { response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema } } });
      assert.ok(Number.isInteger(JSON.parse(reply.choices[0].message.content).days));
    },
    async reasoning(kind) {
      const reply = await ask(`reason-${kind}`, "Think");
      assert.ok(reply.choices[0].message.reasoning_content.length > 0);
      let thought = "";
      for await (const chunk of stream(`reason-${kind}`, "Think")) thought += chunk.choices[0]?.delta?.reasoning_content ?? "";
      assert.equal(thought, reply.choices[0].message.reasoning_content);
    },
    async errors(kind) {
      await fails(ask(`limited-${kind}`, "x"), 429);
      await fails(ask("nothing", "x"), 404);
      await fails(client.chatCompletion({ model: `m-${kind}`, messages: [] }), 400);
      await fails(new InferenceClient("wrong", { endpointUrl: `${chain.url}/v1` }).chatCompletion({ model: `m-${kind}`, messages: [{ role: "user", content: "x" }] }), 401);
      await fails(stream(`limited-${kind}`, "x").next(), 429);
    },
    async abort(kind) {
      const controller = new AbortController();
      let events = 0;
      try {
        for await (const _ of stream(`m-${kind}`, "[mock tokens=500 rate=20] x", {}, { signal: controller.signal })) if (++events === 2) controller.abort();
      } catch (error) {
        assert.ok(isAbort(error), error);
      }
      assert.ok(events < 20);
    },
    async breaking(kind) {
      await assert.rejects(async () => { for await (const _ of stream(`breaking-${kind}`, "Hello weir, tell me a long story")); }, (error) => error.name === "ProviderApiError" && /streaming/.test(error.message));
    },
    async featureExtraction(kind) {
      const raw = kind === "huggingface-native" && { endpointUrl: `${chain.url}/providers/${kind}/models/embed-m/pipeline/feature-extraction` };
      const vectors = await client.featureExtraction({ model: `embed-${kind}`, inputs: ["one", "two"], ...raw });
      assert.equal(vectors.length, 2);
      assert.ok(vectors[0].length > 0 && typeof vectors[0][0] === "number");
    },
    async textGeneration(kind) {
      const asked = { model: `m-${kind}`, inputs: "Hello weir", parameters: { max_new_tokens: 50 } };
      assert.match((await client.textGeneration(asked)).generated_text, /Hello weir/);
      let text = "";
      for await (const chunk of client.textGenerationStream(asked)) text += chunk.choices[0]?.text ?? "";
      assert.match(text, /Hello weir/);
    },
  };
}

const openai = new OpenAI({ apiKey: KEY, baseURL: `${chain.url}/v1`, maxRetries: 0 });
const vercelOpenai = createOpenAI({ apiKey: KEY, baseURL: `${chain.url}/v1` });
const vercelGoogle = createGoogleGenerativeAI({ apiKey: KEY, baseURL: `${chain.url}/v1beta` });
const sdks = {
  "openai": { ...openaiChat(openai), ...openaiCompletions(openai) },
  "openai responses": openaiResponses(openai),
  "groq-sdk": openaiChat(new Groq({ apiKey: KEY, baseURL: chain.url, maxRetries: 0 })),
  "@anthropic-ai/sdk": anthropicMessages(new Anthropic({ apiKey: KEY, baseURL: chain.url, maxRetries: 0 })),
  "@google/genai": googleGenerate(new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: chain.url } })),
  "@huggingface/inference": huggingface(new InferenceClient(KEY, { endpointUrl: `${chain.url}/v1` })),
  "ai (openai)": vercel(vercelOpenai.chat, vercelOpenai.embeddingModel),
  "ai (openai responses)": vercel(vercelOpenai),
  "ai (anthropic)": vercel(createAnthropic({ apiKey: KEY, baseURL: `${chain.url}/v1` })),
  "ai (google)": vercel(vercelGoogle, vercelGoogle.embeddingModel),
};

// The SDK fails, and as the table says.
async function shownToFail(row, attempt) {
  const error = await attempt.then(() => null, (thrown) => thrown);
  assert.ok(error, `works: the table says that it cannot: ${row.why}`);
  assert.equal(statusOf(error), row.status, error);
  if (!row.status) assert.ok(error.name === "AssertionError" || error instanceof TypeError, error);
}

function printMatrix() {
  const width = Math.max(...Object.keys(results).map((row) => row.length));
  const reasons = [];
  const text = (cell) => {
    if (typeof cell === "string") return cell;
    if (!reasons.includes(cell.why)) reasons.push(cell.why);
    return `unsupported [${reasons.indexOf(cell.why) + 1}]`;
  };
  const line = (name, cells) => console.log("# " + name.padEnd(width) + cells.map((cell) => cell.padStart(20)).join(""));
  line("SDK, ability", chain.outbounds);
  for (const [row, cells] of Object.entries(results)) line(row, chain.outbounds.map((kind) => text(cells[kind])));
  reasons.forEach((reason, i) => console.log(`# [${i + 1}] unsupported : ${reason}`));
}

describe("every SDK with every provider", () => {
  after(async () => {
    printMatrix();
    await chain.close();
  });
  for (const [sdk, abilities] of Object.entries(sdks))
    for (const [ability, run] of Object.entries(abilities))
      for (const kind of chain.outbounds)
        it(`${sdk}: ${ability}, ${kind} behind`, { timeout: 30000 }, async (test) => {
          const cells = (results[`${sdk} ${ability}`] ??= {}), row = why(kind, ability, sdk);
          cells[kind] = "FAILED";
          await (row ? shownToFail(row, run(kind)) : run(kind));
          cells[kind] = row ?? "passed";
          if (row) test.skip(row.why);
        });
});
