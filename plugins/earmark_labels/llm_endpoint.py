"""An OpenAI-compatible endpoint over HTTP: patient with a busy server, careful with the key."""

from __future__ import annotations

import datetime
import email.utils
import ipaddress
import json
import logging
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from earmark.errors import EarmarkError
from earmark_labels.llm_answer import shown

DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY"
"""Environment variable that may hold the key; a server of one's own needs none."""

WAITS_S = (1.0, 4.0, 15.0, 40.0)
"""Pauses between attempts at a server that is busy, broken or away; the next failure ends it."""
MOST_WAIT_S = 120.0
"""Longest pause that a server can ask for; who wants more is asked again another day."""

_CONNECT_S, _READ_S, _ANSWER_S = 20.0, 300.0, 900.0
"""A model on a laptop can think for minutes before the first byte."""
_MOST_BYTES = 1 << 23
_TELLING = 12
"""Characters with which a key begins that are no longer what all keys of a kind begin with."""
_SHORTEST_SECRET = 8
"""Servers of one's own are often given "EMPTY" or "x" for a key: no secret, and striking it out would spoil words."""

_log = logging.getLogger(__name__)


class EndpointError(EarmarkError):
    """A language model's server is away, refuses, or is none."""


class BadRequest(Exception):
    """The server does not take the request as it is (400 or 422); it may take a plainer one.

    `about` is what the server said, fit for a person.
    """

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


class _Again(Exception):
    """Worth another attempt."""

    def __init__(self, cause: str, wait_s: float = 0.0) -> None:
        super().__init__(cause)
        self.wait_s = wait_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A server's address, and the name of the variable with its key. The key is read for each call, and never kept."""

    base_url: str
    key_variable: str = DEFAULT_KEY_VARIABLE
    """None is sent where this is empty, or the default variable is not set."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        # What is wrong is not repeated: it may hold a password.
        if parts.username or parts.password or "@" in parts.netloc or parts.query or parts.fragment:
            raise EndpointError(
                "The base URL may not hold a user, a password, a query or a fragment. Put the key into an environment "
                f"variable and name it with --key-variable (default {DEFAULT_KEY_VARIABLE})."
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointError(
                f"{shown(self.base_url)!r} is no base URL of a server; one is http://localhost:11434/v1 (Ollama) or "
                "https://api.openai.com/v1."
            )

    @property
    def url(self) -> str:
        return f"{self.base_url.rstrip('/')}/chat/completions"

    @property
    def name(self) -> str:
        """Address for people and stored answers."""
        return self.base_url.rstrip("/")

    def chat(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return the answer, the key struck out wherever the server repeats it.

        Raises:
            BadRequest: the server does not know something in the request.
            EndpointError: it refuses, leads elsewhere, does not answer, or answers in another form.
        """
        key = self._key()
        for wait_s in (*WAITS_S, None):
            try:
                return self._attempt(request, key)
            except _Again as problem:
                if problem.wait_s > MOST_WAIT_S:
                    raise EndpointError(
                        f"{self.name}: {problem}, and asks to wait {problem.wait_s:.0f} s. Call again then; the "
                        "answers so far are kept."
                    ) from None
                if wait_s is None:
                    raise EndpointError(
                        f"{self.name}: {problem}, {len(WAITS_S) + 1} times. Is the server running, and --base-url "
                        "right? Call again later; the answers so far are kept."
                    ) from None
                pause_s = max(wait_s, problem.wait_s)
                _log.warning("%s: %s; trying again in %.0f s", self.name, problem, pause_s)
                time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, request: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        import requests
        import urllib3

        def authorise(prepared: Any) -> Any:
            # An own authoriser also keeps requests from adding what a .netrc file says of the host.
            if key is not None:
                prepared.headers["Authorization"] = f"Bearer {key}"
            return prepared

        try:
            with requests.post(
                self.url,
                json=dict(request),
                auth=authorise,
                timeout=(_CONNECT_S, _READ_S),
                allow_redirects=False,  # the key goes where the user sent it, nowhere else
                stream=True,
            ) as response:
                body = _bounded_body(response)
                status, headers = response.status_code, response.headers
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise _Again("no answer in time") from None
        except requests.exceptions.SSLError:
            raise EndpointError(f"{self.name}: its certificate is not trusted, or it speaks no https.") from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.HTTPError):
            raise _Again("no connection, or it broke") from None
        except requests.RequestException as error:
            raise EndpointError(
                f"{self.name}: cannot be asked ({type(error).__name__}). Is --base-url right?"
            ) from None
        content = _struck(_decoded(body), key)
        self._judge(status, headers, content, has_key=key is not None)
        if not isinstance(content, dict) or not isinstance(content.get("choices"), list) or not content["choices"]:
            raise EndpointError(
                f"{self.name}: answers, but not as an OpenAI-compatible server does. Is --base-url right? It mostly "
                "ends in /v1."
            )
        return content

    def _judge(self, status: int, headers: Mapping[str, str], content: Any, *, has_key: bool) -> None:
        """Raise for every status but 200."""
        said = _message(content)
        if status == 200:
            return
        if status in (400, 422):
            raise BadRequest(said)
        if status in (401, 403):  # what it said may hold a part of the key
            way_out = (
                f"Check the key in {self.key_variable}, and that it may use the model"
                if has_key
                else f"Set its key in the environment variable {self.key_variable or DEFAULT_KEY_VARIABLE}, "
                "or name another one with --key-variable"
            )
            raise EndpointError(f"{self.name}: access is refused ({status}). {way_out}.")
        if status in (408, 429) or status >= 500:
            raise _Again(f"the server answers {status} {said}".rstrip(), _retry_after_s(headers.get("Retry-After")))
        if 300 <= status < 400:
            host = shown(urlsplit(headers.get("Location", "")).hostname or "another place on the same host")
            raise EndpointError(
                f"{self.name}: leads on to {host} ({status}), which is not followed, as the key would go there too. "
                "If you trust it, give its address with --base-url."
            )
        raise EndpointError(
            f"{self.name}: answers {status} {said}. Check the model's name, and --base-url, which mostly ends in /v1."
        )

    def _key(self) -> str | None:
        key = os.environ.get(self.key_variable, "").strip() if self.key_variable else ""
        if not key:
            if self.key_variable not in ("", DEFAULT_KEY_VARIABLE):
                raise EndpointError(f"The environment variable {self.key_variable} is not set; it was to hold the key.")
            return None
        if not all("!" <= character <= "~" for character in key):
            raise EndpointError(f"The environment variable {self.key_variable} holds characters that no key has.")
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise EndpointError(
                f"{self.name}: the key in {self.key_variable} would travel unencrypted. Use https, or leave the key at "
                "home with --key-variable ''."
            )
        return key


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bounded_body(response: Any) -> bytes:
    """The body; a server that never ends is left.

    Raises:
        _Again: it goes on for too long.
    """
    body, began = bytearray(), time.monotonic()
    for piece in response.iter_content(1 << 16):
        body += piece
        if len(body) > _MOST_BYTES or time.monotonic() - began > _ANSWER_S:
            raise _Again("its answer does not end")
    return bytes(body)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _struck(content: Any, key: str | None) -> Any:
    """Content without the key, in whatever text a server repeats it."""
    if key is None or len(key) < _SHORTEST_SECRET:
        return content
    if isinstance(content, str):
        content = re.sub(_spelt(key), "[key]", content)
        if len(key) > _TELLING:  # as servers shorten it
            content = re.sub(_spelt(key[:_TELLING]) + r"[\w*.\-]*", "[key]", content)
        return content
    if isinstance(content, dict):
        return {_struck(name, key): _struck(value, key) for name, value in content.items()}
    if isinstance(content, list):
        return [_struck(item, key) for item in content]
    return content


def _spelt(key: str) -> str:
    r"""A pattern for a key as JSON, JSON within JSON or an address spells it: ``/``, ``\/``, ``\u002f`` or ``%2f``.

    >>> bool(re.fullmatch(_spelt("a/b"), r"a\/\u0062"))
    True
    """
    return "".join(rf"(?:\\{{0,8}}{re.escape(c)}|\\{{1,8}}u00(?i:{ord(c):02x})|%(?i:{ord(c):02x}))" for c in key)


def _message(content: Any) -> str:
    """What the server says of an error, in one line."""
    error = content.get("error", content.get("detail", content)) if isinstance(content, dict) else content
    if isinstance(error, dict):
        param = f" [{error['param']}]" if isinstance(error.get("param"), str) else ""
        error = f"{error.get('message', '')}{param}"
    said = shown(error if isinstance(error, str) else json.dumps(error), most=200)
    return f"({said})" if said else ""


def _retry_after_s(value: str | None) -> float:
    """Seconds that a header asks to wait, given as a number or as a date; 0 where it does not."""
    if not value:
        return 0.0
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max((until - datetime.datetime.now(until.tzinfo)).total_seconds(), 0.0)
