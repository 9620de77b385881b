// What the page asks the gateway, with the key that was typed in. It stands in this tab's sessionStorage and nowhere
// else, and goes with each request as a header.
const place = "weir-key";
export const key = () => sessionStorage.getItem(place);
export const keep = (value) => sessionStorage.setItem(place, value);
export const forget = () => sessionStorage.removeItem(place);

export class Refused extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function reply(path, options = {}) {
  const headers = { ...options.headers, authorization: `Bearer ${options.key ?? key()}` };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.after) headers["last-event-id"] = options.after;
  const response = await fetch(path, {
    method: options.method ?? "GET", headers, body: options.body === undefined ? undefined : JSON.stringify(options.body),
    signal: options.signal, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
  });
  if (response.ok) return response;
  const said = await response.json().catch(() => null);
  throw new Refused(response.status, said?.error?.message ?? `${response.status} ${response.statusText}`, said?.error?.code);
}

export const get = async (path, options) => (await reply(path, options)).json();
export const text = async (path, options) => (await reply(path, options)).text();
export const send = async (method, path, body, options) => (await reply(path, { ...options, method, body })).json();
export const name = encodeURIComponent;

export function query(values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return pairs.length ? "?" + new URLSearchParams(pairs).toString() : "";
}

// Server-sent events (the HTML standard) of a reply, as they come: {type, data, id}.
export async function* told_by(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "", type = "message", data = [], id;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const lines = held.split(/\r?\n/);
    held = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { type, data: data.join("\n"), id };
        type = "message";
        data = [];
      } else if (line.startsWith("event:")) type = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (line.startsWith("id:")) id = line.slice(3).trim();
    }
  }
}

// The gateway's events by fetch, as EventSource sends no key: told(type, data) for each, until the signal; goes on
// behind the last one after a lost connection. requests: true, of requests too.
export async function events(told, state, signal, { requests } = {}) {
  let after;
  while (!signal.aborted) {
    try {
      const response = await reply(`admin/v1/events${query({ requests })}`, { signal, after });
      state("open");
      for await (const event of told_by(response)) {
        after = event.id ?? after;
        told(event.type, JSON.parse(event.data));
      }
    } catch (problem) {
      if (signal.aborted) return;
      if (problem instanceof Refused && problem.status !== 503) {
        state("refused", problem.message);
        return;
      }
    }
    if (signal.aborted) return;
    state("lost");
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}
