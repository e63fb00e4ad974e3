"""Addresses: names of what a store holds, safe as names of folders."""

from __future__ import annotations

import re

from earmark.errors import StoreError


def check_address(address: str) -> str:
    """Return the address, which becomes the name of a folder.

    Raises:
        StoreError: it could lead out of the store, or mean something else on another system.

    >>> check_address("3f9a-2")
    '3f9a-2'
    """
    if not re.fullmatch(r"[0-9a-z-]{1,100}", address):  # a longer one may be no name for the disk
        raise StoreError(
            f"{address[:100]!r} is no address: only digits, small letters and hyphens may stand in one, 100 at most. "
            "`earmark runs list` shows the addresses in a store."
        )
    return address
