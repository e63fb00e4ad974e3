"""Brings one published file over HTTP, going on where an interrupted call stopped."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from earmark.errors import FetchError
from earmark.fetching.downloads import RemoteFile, bytes_text

CHUNK = 2**16
"""Bytes per read; what a cut connection can lose of that which arrived."""

Advance = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in all, None where nobody says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to wait for a server."""

    connect_s: float = 20.0
    read_s: float = 60.0
    """Silence after which a connection is given up."""
    waits_s: tuple[float, ...] = (2.0, 10.0, 30.0)
    """Pauses between attempts that brought not one byte more; the next failure ends it."""


class _Again(Exception):
    """Worth another attempt."""

    def __init__(self, cause: str, wait_s: float = 0.0) -> None:
        super().__init__(cause)
        self.wait_s = wait_s


class _NotThere(Exception):
    """404 or 410: worth another address."""


def transfer(
    remote: RemoteFile,
    part: Path,
    advance: Advance = lambda done, total: None,
    patience: Patience = Patience(),  # frozen
) -> None:
    """Bring a file's bytes to ``part``, which may hold the first of them already.

    Args:
        remote: what to fetch.
        part: the file to write; kept on every failure that a later call can go on from. What the server said of
            its bytes stands beside it, see `facts_file`.
        advance: told of every piece.
        patience: when to give up.

    Raises:
        FetchError: the server does not have it, has it at another size, or does not answer; the disk is full.
    """
    best, failures = _size(part), 0
    facts = _read_facts(part)
    addresses = [remote.url, *remote.also_at]
    while True:
        try:
            _attempt(addresses[0], remote, part, facts, advance, patience)
        except _NotThere as error:
            tried = addresses.pop(0)
            if not addresses:
                raise FetchError(f"{remote.name}: {tried} answers {error}. Has the publisher moved it?") from None
        except _Again as error:
            if _size(part) > best:  # a long file over a bad line may break often, as long as it grows
                best, failures = _size(part), 0
            if failures == len(patience.waits_s):
                raise FetchError(
                    f"{remote.name}: {addresses[0]}: {error}. {bytes_text(_size(part))} are kept; "
                    "call again later to go on from there."
                ) from None
            time.sleep(max(patience.waits_s[failures], error.wait_s))
            failures += 1
        else:
            return


def announced_size(remote: RemoteFile, patience: Patience) -> int | None:
    """Bytes that the server says the file has, asked without fetching it; None where it does not say."""
    import requests

    for url in (remote.url, *remote.also_at):
        try:
            answer = requests.head(
                url, headers=_HEADERS, allow_redirects=True, timeout=(patience.connect_s, patience.read_s)
            )
        except requests.RequestException:
            return None
        if answer.ok:
            return _number(answer.headers.get("Content-Length"))
    return None


_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "earmark (research software; fetches public data sets)"}


def _attempt(
    url: str,
    remote: RemoteFile,
    part: Path,
    facts: dict[str, Any],
    advance: Advance,
    patience: Patience,
) -> None:
    import requests
    import urllib3

    have = _size(part)
    if have and have == (remote.n_bytes or facts.get("total")):
        return
    headers = dict(_HEADERS)
    if have:
        headers["Range"] = f"bytes={have}-"
        if facts.get("etag"):
            headers["If-Range"] = facts["etag"]  # another file under the same address comes whole, from its start
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(patience.connect_s, patience.read_s)) as response:
            _require_safe(url, response.url, remote)
            start = _start(response, have, remote, part, facts)
            if start is None:
                return
            total = facts.get("total")
            _require_room(part, remote, None if total is None else total - start)
            with open(part, "r+b" if start else "wb") as file:
                file.seek(start)
                done = start
                # Undecoded, as a .tar.gz may come marked as a compressed .tar; what is published is the .tar.gz.
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    file.write(chunk)
                    done += len(chunk)
                    if total is not None and done > total:
                        break
                    advance(done, total)
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise _Again(f"no answer, or silence for {patience.read_s:g} s") from error
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
        raise FetchError(f"{remote.name}: {url} leads to an address that is not fetched ({error}).") from error
    except (requests.exceptions.SSLError, requests.exceptions.TooManyRedirects) as error:
        raise FetchError(f"{remote.name}: {url}: {error}. Nothing was fetched.") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Again(f"the connection broke ({type(error).__name__})") from error
    except OSError as error:
        raise FetchError(
            f"{part}: {error.strerror or error}. What arrived is kept; make room and call again."
        ) from error
    if total is not None and done != total:
        if done > total:
            _forget(part, facts)
        raise _Again(f"{done} of {total} bytes came")


def _start(response: Any, have: int, remote: RemoteFile, part: Path, facts: dict[str, Any]) -> int | None:
    """Byte at which this answer begins; None where the part is whole already."""
    status = response.status_code
    if status in (404, 410):
        raise _NotThere(f"{status} {response.reason}")
    if status == 429 or status >= 500:
        wait_s = _number(response.headers.get("Retry-After")) or 0
        raise _Again(f"the server answers {status} {response.reason}", min(float(wait_s), 60.0))
    if status == 416 and have:
        if _range_total(response) == have:
            facts["total"] = have
            return None
        _forget(part, facts)
        raise _Again("the server has less than what was here; starting over")
    if status == 206 and have:
        first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if first is None or int(first[1]) != have:
            _forget(part, facts)
            raise _Again("the server sent another range than was asked for; starting over")
        start, total = have, _range_total(response)
        if facts.get("total") not in (None, total):
            _forget(part, facts)
            raise _Again("the file has changed at the server since the first call; starting over")
    elif status == 200:
        start, total = 0, _number(response.headers.get("Content-Length"))
    else:
        raise FetchError(f"{remote.name}: {response.url} answers {status} {response.reason}, which is no file.")
    if remote.n_bytes is not None and total is not None and total != remote.n_bytes:
        raise FetchError(
            f"{remote.name}: {response.url} offers {total} bytes, published were {remote.n_bytes}. Nothing more was "
            "fetched. Either the publisher has replaced it (see the homepage) or the address leads elsewhere."
        )
    etag = response.headers.get("ETag", "")
    # Bytes are only the same under a strong tag (not W/). Without any length, the published one must do.
    facts.update(total=remote.n_bytes if total is None else total, etag=etag if etag.startswith('"') else None)
    facts_file(part).write_text(json.dumps(facts), "utf-8")
    return start


def facts_file(part: Path) -> Path:
    """File beside a part that holds its "etag" and "total", so that a later process can go on from it."""
    return part.with_name(part.name + ".json")


def _read_facts(part: Path) -> dict[str, Any]:
    try:
        facts = json.loads(facts_file(part).read_text("utf-8"))
        return {"total": int(facts["total"]), "etag": facts["etag"] and str(facts["etag"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {}  # absent or cut: going on is then judged by ranges and the checksum alone


def _forget(part: Path, facts: dict[str, Any]) -> None:
    part.unlink(missing_ok=True)
    facts_file(part).unlink(missing_ok=True)
    facts.clear()


def _require_safe(asked: str, answered: str, remote: RemoteFile) -> None:
    if urlsplit(asked).scheme == "https" and urlsplit(answered).scheme != "https":
        raise FetchError(f"{remote.name}: {asked} leads to {answered}, which is not encrypted. Nothing was fetched.")


def _require_room(part: Path, remote: RemoteFile, n_bytes: int | None) -> None:
    free = shutil.disk_usage(part.parent).free
    if n_bytes is not None and n_bytes > free:
        raise FetchError(
            f"{remote.name}: {bytes_text(n_bytes)} are to come, {bytes_text(free)} are free in {part.parent}. "
            "Make room, or give another folder with --to."
        )


def _range_total(response: Any) -> int | None:
    return _number(response.headers.get("Content-Range", "").rpartition("/")[2])


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
