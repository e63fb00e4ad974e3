"""A small real server on loopback that speaks the chat protocol, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Reply:
    """What the server sends: a status, a body, headers; or nothing at all."""

    def __init__(self, status: int, body: Any, **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


CUT = Reply(200, b"")
"""Stands for a connection that breaks before an answer."""


def said(content: str | None, *, finish_reason: str = "stop", **message: Any) -> Reply:
    """An answer of the model."""
    turn = {"role": "assistant", "content": content, **message}
    return Reply(200, {"model": "small-1", "choices": [{"message": turn, "finish_reason": finish_reason}]})


def listed(*events: str) -> Reply:
    """An answer in the form that the schema asks for."""
    return said(json.dumps({"events": [{"event": event, "reason": f"there is {event}"} for event in events]}))


def refused(message: str, status: int = 400, **error: Any) -> Reply:
    return Reply(status, {"error": {"message": message, **error}})


class Server:
    """Answers each request by a script, the last entry again and again; an entry is a reply, or makes one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list[Reply | Callable[[dict[str, Any]], Reply]] = [listed("car")]
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    def next(self, request: dict[str, Any], headers: dict[str, str]) -> Reply:
        self.requests.append(request)
        self.headers.append(headers)
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return entry if isinstance(entry, Reply) else entry(request)


@contextmanager
def running() -> Iterator[Server]:
    """A server on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/chat/completions"
            reply = server.next(json.loads(content), dict(self.headers))
            if reply is CUT:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed, or has lost patience
                self.wfile.write(reply.body)

        def log_message(self, *arguments: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_port}/v1")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
