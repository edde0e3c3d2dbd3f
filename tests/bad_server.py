"""A local HTTP server that speaks chat completions, well or badly, as a test says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Runs the server's behaviour on each POST; lists the model ``good`` on GET."""

    server: BadServer

    def do_GET(self) -> None:
        self.note("GET", {})
        if self.server.on_get is not None:
            self.server.on_get(self)
        else:
            self.json(200, {"object": "list", "data": [{"id": "good", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.note("POST", body)
        self.server.arrived.set()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.server.behaviour(self)

    def note(self, method: str, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((method, self.path, headers, body))

    def json(self, status: int, value: Any) -> None:
        self.raw(status, json.dumps(value).encode(), "application/json")

    def raw(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Retry-After", "0.01")
        self.end_headers()
        self.wfile.write(data)

    def completion(self, text: str) -> None:
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.json(
            200, {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}
        )

    def stream(self, *pieces: str, finish: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in pieces:
            self.event({"choices": [{"index": 0, "delta": {"content": piece}}]})
        if finish:
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            last = {"index": 0, "delta": {}, "finish_reason": "stop"}
            self.event({"choices": [last]})
            self.event({"choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")

    def event(self, value: dict[str, Any]) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "good"}
        self.wfile.write(b"data: " + json.dumps({**chunk, **value}).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class BadServer(ThreadingHTTPServer):
    """``behaviour`` answers POSTs; ``requests`` are (method, path, headers, body)."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour, on_get: Behaviour | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.on_get = on_get
        self.requests: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextlib.contextmanager
def serving(behaviour: Behaviour, on_get: Behaviour | None = None) -> Iterator[BadServer]:
    """The server, in a thread, until the block ends."""
    server = BadServer(behaviour, on_get)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
