"""Who listens to /admin/v1/events."""
import json
import socket
import threading

from weirlib import Connection, request_bytes


class Listener:
    """Reads events on a thread of its own until its stream ends: (id or None, event, data)."""

    def __init__(self, weir, last=None, key=None, query=""):
        self.connection = Connection(weir.port)
        headers = {"authorization": f"Bearer {key or weir.admin_key}", **({"last-event-id": last} if last else {})}
        self.connection.send(request_bytes("GET", "/admin/v1/events" + query, headers=headers))
        self.status, self.headers = self.connection.head()
        self.events, self.comments, self.ended = [], [], False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        text, event = b"", {}
        while True:
            line = self.connection.read_until(b"\r\n")
            size = int(line.strip(), 16) if line else 0
            if not size:
                break
            text += self.connection.read_exactly(size + 2)[:size]
            while b"\n" in text:
                line, text = text.split(b"\n", 1)
                name, _, value = line.decode().partition(": ")
                if name == "" and value:
                    self.comments.append(value)
                elif name:
                    event[name] = value
                elif "event" in event:
                    self.events.append((event.get("id"), event["event"], json.loads(event["data"])))
                    event = {}
                else:
                    event = {}
        self.ended = True

    def leave(self):
        self.connection.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.connection.socket.close()

    def of(self, kind):
        return [data for _, event, data in list(self.events) if event == kind]
