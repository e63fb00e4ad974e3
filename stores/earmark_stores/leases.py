"""Locks between machines: a small object that its owner renews, and that others take over once it rests.

They only save double work: that two writers do not spoil each other's is the part of `earmark_stores.parcels`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator

from earmark.errors import StoreError
from earmark_stores.objects import Objects

LEASE_S = 30.0
"""Without a sign of life for so long, an owner is taken for dead."""

RENEW_S = 5.0
"""Between two signs of life."""

LOOK_S = 1.0
"""Between two looks of one who waits."""

_logger = logging.getLogger(__name__)


@contextlib.contextmanager
def lease(objects: Objects, address: str, mirror: str) -> Iterator[None]:
    """Hold an address against other machines; hold the lock of the mirror as well, which is against this one.

    Times are those of the own monotonic clock alone, as clocks of machines differ.

    Args:
        objects: of the store.
        address: of a run or of features.
        mirror: its name. Whoever holds its lock knows that an owner from there is dead.

    Raises:
        StoreError: the store does not answer, or refuses.
    """
    key, owner = _key(address), f"{mirror}-{uuid.uuid4().hex}"
    _acquire(objects, key, owner, mirror, address)
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(objects, key, owner, stop), name=f"lease of {address}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(RENEW_S)
        with contextlib.suppress(StoreError):  # left behind, it is taken over
            if _owner(objects.read(key)) == owner:
                objects.delete([key])


def is_leased(objects: Objects, address: str, mirror: str) -> bool:
    """Whether somebody lives who holds an address; who is in the own mirror is asked by its lock."""
    content = objects.read(_key(address))
    if content is None or _owner(content).startswith(mirror):
        return False
    age_s = objects.age_s(_key(address))
    return age_s is None or age_s < LEASE_S


def _acquire(objects: Objects, key: str, owner: str, mirror: str, address: str) -> None:
    seen: bytes | None = None
    since_s = 0.0
    while not objects.create(key, _content(owner, 0)):
        found = objects.read(key)
        if found is None:  # let go in this moment
            continue
        dead = _owner(found).startswith(mirror)
        if found != seen:
            if seen is None and not dead:
                _logger.info("Waiting for another machine that works at %s.", objects.where(address))
            seen, since_s = found, time.monotonic()
        if dead or time.monotonic() - since_s >= LEASE_S:
            if not dead:
                _logger.warning(
                    "%s: whoever worked there has given no sign of life for %g s; taken over.",
                    objects.where(address),
                    LEASE_S,
                )
            if objects.read(key) == found:
                objects.delete([key])
        else:
            time.sleep(LOOK_S)


def _renew(objects: Objects, key: str, owner: str, stop: threading.Event) -> None:
    count = 0
    while not stop.wait(RENEW_S):
        try:
            found = objects.read(key)
            if found is not None and _owner(found) != owner:
                _logger.warning("%s: taken over by another machine; what is done twice is kept once.", key)
                return
            count += 1
            objects.write(key, _content(owner, count))
        except StoreError as error:
            _logger.debug("%s", error)  # whoever reads or writes will say so


def _key(address: str) -> str:
    return f"locks/{address}.json"


def _content(owner: str, count: int) -> bytes:
    return json.dumps({"owner": owner, "count": count}).encode()


def _owner(content: bytes | None) -> str:
    """Who has written a lease; nobody where it is damaged."""
    try:
        return str(json.loads(content or b"{}")["owner"])
    except (ValueError, KeyError, TypeError):
        return ""
