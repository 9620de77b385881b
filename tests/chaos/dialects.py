"""How callers of each dialect ask, and what an answer in it says: text, finish, usage, whether a stream came to its own
end, and what an error looks like. Pure: bytes in, facts out."""
import json


class Said:
    """What an answer says. ended: the dialect's own end of an answer was there. error: an error event's code or
    words."""

    def __init__(self):
        self.text, self.finish, self.output, self.ended, self.error, self.wrong = "", None, None, False, None, None
        self.id = None  # of a stored response


FINISH = {
    "stop": "stop", "length": "length", "end_turn": "stop", "max_tokens": "length", "STOP": "stop",
    "MAX_TOKENS": "length", "stop_sequence": "stop"
}


def events_of(body):
    """(event name, data) of each whole server-sent event; the rest behind the last blank line is left out."""
    found = []
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]:
        name, data = "", []
        for line in block.split(b"\n"):
            if line.startswith(b"event:"):
                name = line[6:].strip().decode("latin-1")
            elif line.startswith(b"data:"):
                data.append(line[5:].strip())
        if data:
            found.append((name, b"\n".join(data)))
    return found


class Dialect:
    name, streams, json_stream = "", True, False

    def request(self, model, prompt, max_tokens, stream, usage):
        """(path, body as an object)"""
        raise NotImplementedError

    def whole(self, root):
        raise NotImplementedError

    def event(self, said, name, root):
        """One event of a stream."""
        raise NotImplementedError

    def stream(self, body):
        said = Said()
        for name, data in events_of(body):
            if said.ended and data != b"[DONE]":
                said.wrong = f"an event after the end: {data[:200]!r}"
            if data == b"[DONE]":
                self.done(said)
                continue
            try:
                root = json.loads(data)
            except ValueError:
                said.wrong = f"an event that is no JSON: {data[:200]!r}"
                continue
            self.event(said, name, root)
        return said

    def done(self, said):
        said.wrong = "[DONE] in a dialect that has none"

    def error(self, root):
        """The code of an error body in this dialect's shape; None: it is none."""
        e = root.get("error") if isinstance(root, dict) else None
        if (not isinstance(e, dict) or not isinstance(e.get("message"), str) or not e["message"] or
                not {"type", "param", "code"} <= set(e)):
            return None
        return e["code"] or e["type"]


class Chat(Dialect):
    name = "chat"

    def request(self, model, prompt, max_tokens, stream, usage):
        body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        if stream:
            body["stream"] = True
            if usage:
                body["stream_options"] = {"include_usage": True}
        return "/v1/chat/completions", body

    def whole(self, root):
        said = Said()
        choice = root["choices"][0]
        said.text, said.finish = choice["message"]["content"], FINISH.get(choice["finish_reason"])
        said.output = (root.get("usage") or {}).get("completion_tokens")
        return said

    def event(self, said, name, root):
        if root.get("error"):
            said.error = str(root["error"].get("code") or root["error"].get("type"))
            return
        for choice in root.get("choices", []):
            said.text += choice["delta"].get("content") or ""
            said.finish = FINISH.get(choice.get("finish_reason"), said.finish)
        if root.get("usage"):
            said.output = root["usage"].get("completion_tokens")

    def done(self, said):
        said.ended = True


class Completions(Chat):
    name = "completions"

    def request(self, model, prompt, max_tokens, stream, usage):
        _, body = super().request(model, prompt, max_tokens, stream, usage)
        del body["messages"]
        body["prompt"] = prompt
        body.setdefault("max_tokens", 100000)  # 16 where it is left out
        return "/v1/completions", body

    def whole(self, root):
        said = Said()
        choice = root["choices"][0]
        said.text, said.finish = choice["text"], FINISH.get(choice["finish_reason"])
        said.output = (root.get("usage") or {}).get("completion_tokens")
        return said

    def event(self, said, name, root):
        if root.get("error"):
            said.error = str(root["error"].get("code") or root["error"].get("type"))
            return
        for choice in root.get("choices", []):
            said.text += choice.get("text") or ""
            said.finish = FINISH.get(choice.get("finish_reason"), said.finish)
        if root.get("usage"):
            said.output = root["usage"].get("completion_tokens")


class Responses(Dialect):
    name = "responses"

    def request(self, model, prompt, max_tokens, stream, usage):
        body = {"model": model, "input": prompt}
        if max_tokens is not None:
            body["max_output_tokens"] = max_tokens
        if stream:
            body["stream"] = True
        return "/v1/responses", body

    def whole(self, root):
        said = Said()
        said.id = root["id"]
        said.text = "".join(part["text"] for item in root["output"] if item["type"] == "message"
                            for part in item["content"] if part["type"] == "output_text")
        said.finish = {"completed": "stop", "incomplete": "length"}.get(root["status"])
        said.output = (root.get("usage") or {}).get("output_tokens")
        return said

    def event(self, said, name, root):
        kind = root.get("type", "")
        if name and name != kind:
            said.wrong = f"event {name} holds {kind}"
        if kind == "response.output_text.delta":
            said.text += root["delta"]
        elif kind in ("response.completed", "response.incomplete"):
            last = self.whole(root["response"])
            if last.text != said.text:
                said.wrong = f"the last response says {last.text[:100]!r} where the deltas said {said.text[:100]!r}"
            said.finish, said.output, said.id, said.ended = last.finish, last.output, last.id, True
        elif kind in ("error", "response.failed"):
            said.error = str(root.get("code") or kind)


class Messages(Dialect):
    name = "messages"

    def request(self, model, prompt, max_tokens, stream, usage):
        body = {"model": model, "max_tokens": max_tokens or 100000, "messages": [{"role": "user", "content": prompt}]}
        if stream:
            body["stream"] = True
        return "/v1/messages", body

    def whole(self, root):
        said = Said()
        said.text = "".join(block["text"] for block in root["content"] if block["type"] == "text")
        said.finish = FINISH.get(root["stop_reason"])
        said.output = (root.get("usage") or {}).get("output_tokens")
        return said

    def event(self, said, name, root):
        kind = root.get("type", "")
        if name != kind:
            said.wrong = f"event {name} holds {kind}"
        if kind == "content_block_delta" and root["delta"]["type"] == "text_delta":
            said.text += root["delta"]["text"]
        elif kind == "message_delta":
            said.finish = FINISH.get(root["delta"].get("stop_reason"))
            said.output = (root.get("usage") or {}).get("output_tokens", said.output)
        elif kind == "message_stop":
            said.ended = True
        elif kind == "error":
            said.error = str(root["error"].get("type"))

    def error(self, root):
        e = root.get("error") if isinstance(root, dict) and root.get("type") == "error" else None
        return (e["type"] if isinstance(e, dict) and isinstance(e.get("message"), str) and e["message"] and
                isinstance(e.get("type"), str) else None)


class Generate(Dialect):
    """Google's; a stream in events, or one JSON array."""

    def __init__(self, array):
        self.name, self.json_stream = ("generate_array" if array else "generate"), array

    def request(self, model, prompt, max_tokens, stream, usage):
        body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
        if max_tokens is not None:
            body["generationConfig"] = {"maxOutputTokens": max_tokens}
        verb = (":generateContent"
                if not stream else ":streamGenerateContent" if self.json_stream else ":streamGenerateContent?alt=sse")
        return f"/v1beta/models/{model}{verb}", body

    def whole(self, root):
        said = Said()
        self.event(said, "", root)
        return said

    def event(self, said, name, root):
        if root.get("error"):
            said.error = str(root["error"].get("status") or root["error"].get("code"))
            return
        for candidate in root.get("candidates", []):
            said.text += "".join(
                part.get("text", "") for part in (candidate.get("content") or {}).get("parts", [])
                if not part.get("thought"))
            if candidate.get("finishReason"):
                said.finish, said.ended = FINISH.get(candidate["finishReason"]), True
        if root.get("usageMetadata"):
            said.output = root["usageMetadata"].get("candidatesTokenCount", said.output)

    def stream(self, body):
        if not self.json_stream:
            said = Said()
            for _, data in events_of(body):
                try:
                    self.event(said, "", json.loads(data))
                except ValueError:
                    said.wrong = f"an event that is no JSON: {data[:200]!r}"
            return said
        said = Said()
        try:
            for root in json.loads(body):
                self.event(said, "", root)
        except ValueError:  # half an array: its elements, as far as they go
            said.ended = False
            decoder, text, at = json.JSONDecoder(), body.decode("utf-8", "replace"), 1
            while at < len(text):
                while at < len(text) and text[at] in ", \r\n":
                    at += 1
                try:
                    root, at = decoder.raw_decode(text, at)
                    self.event(said, "", root)
                except (ValueError, TypeError, AttributeError):
                    break
            said.ended = False
        return said

    def error(self, root):
        e = (root.get("error") if isinstance(root, dict) else
             root[0].get("error") if isinstance(root, list) and root and isinstance(root[0], dict) else None)
        if (not isinstance(e, dict) or not isinstance(e.get("message"), str) or not e["message"] or
                not isinstance(e.get("code"), int)):
            return None
        return e.get("status") or str(e["code"])


class Embeddings(Dialect):
    name, streams = "embeddings", False

    def request(self, model, prompt, max_tokens, stream, usage):
        return "/v1/embeddings", {"model": model, "input": [prompt, "a fixed text", prompt]}

    def whole(self, root):
        said = Said()
        said.vectors = [d["embedding"] for d in sorted(root["data"], key=lambda d: d["index"])]
        return said


DIALECTS = [Chat(), Completions(), Responses(), Messages(), Generate(False), Generate(True), Embeddings()]
BY_NAME = {d.name: d for d in DIALECTS}
