"""A server in this process that speaks as much of the chat completions API as an endpoint needs."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any, dict[str, str]]
"""Status, body (bytes, or what becomes JSON), headers."""


class Server(ThreadingHTTPServer):
    """Answers by `behave(number of the request from 0, question, headers)`; remembers what was asked."""

    daemon_threads = True

    def __init__(self, behave: Callable[[int, str, Any], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave, self.lock = behave, threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        """Take a request and give what the test wants."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            number = len(self.server.requests)
            self.server.requests.append({**body, "path": self.path, "key": self.headers.get("Authorization")})
        status, reply, headers = self.server.behave(number, body["messages"][0]["content"], self.headers)
        if status == 0:
            time.sleep(1.0)  # longer than any client in the tests waits
            return
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def completion(text: str | None, *, tokens: tuple[int, int] | None = (100, 2)) -> Answer:
    """A well-formed answer."""
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}}
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}], **usage}, {}


@contextmanager
def serving(behave: Callable[[int, str, Any], Answer]) -> Iterator[Server]:
    """Run a server while the block lasts."""
    server = Server(behave)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
