"""A collector for tests: takes what is posted to it, as it is told to."""
import http.server
import json
import threading


class Collector:
    """Answers with `statuses`, one after the other, then 200; the first `hang` posts get no answer until close()."""

    def __init__(self, hang=0, statuses=(), tls=None, headers=()):
        self.posts, self.tried, self.hang, self.statuses = [], 0, hang, list(statuses)
        self.released = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.tried += 1
                if collector.tried <= collector.hang:
                    collector.released.wait(60)
                    self.close_connection = True
                    return
                status = collector.statuses.pop(0) if collector.statuses else 200
                if status == 200:
                    collector.posts.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def bodies(self, signal="traces"):
        return [json.loads(body) for path, _, body in list(self.posts) if path.endswith("/v1/" + signal)]

    def spans(self):
        return [span for body in self.bodies() for resource in body["resourceSpans"]
                for scope in resource["scopeSpans"] for span in scope["spans"]]

    def metrics(self):
        """Of the last post: each by its name."""
        last = self.bodies("metrics")[-1]
        return {metric["name"]: metric for resource in last["resourceMetrics"]
                for scope in resource["scopeMetrics"] for metric in scope["metrics"]}

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def attributes(of):
    """name -> value, of a span, a resource or a point."""
    told = {}
    for pair in of["attributes"]:
        assert pair["key"] not in told, of
        (kind, value), = pair["value"].items()
        told[pair["key"]] = int(value) if kind == "intValue" else value
    return told
