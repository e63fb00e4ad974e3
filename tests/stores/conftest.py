"""An S3 server on the loopback, and machines that share a store on it."""

from __future__ import annotations

import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BUCKET = "earmark"


class Server:
    """moto's S3, which answers one request after the other: asking and creating are then one step, as with Amazon's."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._one = threading.Lock()
        self.start()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{BUCKET}", method="PUT")).close()

    def start(self) -> None:
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._moto._port = port  # another start is at the same place
        self.url = f"http://{host}:{port}"
        self._app, self._moto._server.app = self._moto._server.app, self._answer
        self.requests: list[str] = []
        self.refuse: Callable[[str], str | None] = lambda request: None

    def stop(self) -> None:
        self._moto.stop()
        self._moto._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        with self._one:
            self.requests.append(request)
            status = self.refuse(request)
            if status is None:
                return list(self._app(environ, start_response))
        code = status.partition(" ")[2].replace(" ", "")
        body = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return [body]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def reached(server, monkeypatch) -> Iterator[Server]:
    """The server, where this process and those that it starts find it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield server
    server.refuse = lambda request: None


@pytest.fixture
def address(reached) -> str:
    """Of a store that is empty."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex}/stores"


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Callable[..., Any]:
    """Opens a store as another machine would: with a mirror of its own."""
    from earmark_stores.mirrored import MirroredStore

    def opened(name: str, address: str) -> MirroredStore:
        from earmark.places import stores_root

        monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / name))
        return MirroredStore(stores_root(address))

    return opened


@pytest.fixture
def bucket(address) -> Callable[[str], Any]:
    """File system of the server, and the path of a key of the store in it."""
    import fsspec

    system = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    folder = Path(address.removeprefix("s3://"))
    system.below = lambda key: str(folder / key)
    return system
