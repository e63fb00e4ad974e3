"""Where things lie: the checkout, the root of all stores, the mirror of a store elsewhere. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from pathlib import Path
from typing import NamedTuple

from earmark.errors import StoreError

SYNTHETIC = "synthetic"
"""What one says instead of a folder to get a synthesised stand-in."""

ORIGIN = "origin.json"
"""File in a mirror that names the address of its store."""

# Two letters and more, as one is a drive. Where a Path was made of an address, one slash is left of two.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):(/+)(.*)", re.IGNORECASE | re.DOTALL)


class Origin(NamedTuple):
    """What a mirror says of itself."""

    address: str
    """Of the store, such as ``s3://bucket/folder``."""
    mirror: str
    """Name of this mirror, unlike that of any other one."""


def checkout() -> Path | None:
    """Root of the checkout that this code, or the working directory, belongs to; None for an installed wheel."""
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        if (folder / "notebooks").is_dir() and (folder / "paper").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    return None


def stores_root(option: Path | str | None = None) -> Path:
    """Root of all stores: the option, ``EARMARK_STORES``, or ``stores/data`` in the checkout or in this folder.

    Args:
        option: a folder, or an address of fsspec's such as ``s3://bucket/folder``.

    Returns:
        The folder; of an address its mirror, a folder of this machine, which is made where it is missing.

    Raises:
        StoreError: the address holds a password, or is none.
    """
    given = os.environ.get("EARMARK_STORES", "") if option is None else option
    if given == "":
        return (checkout() or Path.cwd()) / "stores" / "data"
    match = _ADDRESS.fullmatch(str(given))
    if match is None:
        return Path(given)
    kind, slashes, rest = match[1].lower(), match[2], match[3]
    if kind not in ("file", "local"):
        return _mirror(_checked_address(kind, rest))
    if len(slashes) == 2:
        raise StoreError(
            f"{given}: an address of this kind has three slashes, as in file:///data/stores. Or say the folder itself."
        )
    return Path(rest if re.match(r"[A-Za-z]:", rest) else f"/{rest}")


def origin_of(root: Path) -> Origin | None:
    """Of which store a folder is the mirror; None for a folder that is no mirror.

    Raises:
        StoreError: its note is damaged.
    """
    path = root / ORIGIN
    try:
        note = json.loads(path.read_bytes())
        match = _ADDRESS.fullmatch(note["address"])
        if match is None or not re.fullmatch(r"[0-9a-f]{32}", note["mirror"]):
            raise ValueError("it names no address")
        return Origin(_checked_address(match[1].lower(), match[3]), note["mirror"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: does not say of which store this folder is the mirror ({error}). Delete the folder, and name the "
            "store by its address with `--stores` or EARMARK_STORES."
        ) from error


def own_origin_of(root: Path) -> Origin | None:
    """As `origin_of`, for a folder that may come from anywhere: only this user's cache may lead to other machines.

    Raises:
        StoreError: the folder says that it is a mirror, but it is not the one that the address has here.
    """
    origin = origin_of(root)
    if origin is not None and root.resolve() != mirror_folder(origin.address).resolve():
        raise StoreError(
            f"{root}: a copy of a mirror of {origin.address}. Say `--stores {origin.address}`, or delete {ORIGIN} in "
            "it to use it as a folder of this machine, with what lies there."
        )
    return origin


def mirror_folder(address: str) -> Path:
    """The folder in this user's cache that mirrors a store; ``EARMARK_CACHE`` names another cache."""
    cache = os.environ.get("EARMARK_CACHE", "")
    home = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "earmark"
    slug = re.sub(r"[^a-z0-9]+", "-", address.lower())[:60].strip("-")
    digest = hashlib.blake2b(address.encode(), digest_size=6).hexdigest()
    return (Path(cache) if cache else home).absolute() / "stores" / f"{slug}-{digest}"


def _mirror(address: str) -> Path:
    folder = mirror_folder(address)
    if (folder / ORIGIN).is_file():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"{ORIGIN}.{uuid.uuid4().hex}"
        aside.write_text(json.dumps(Origin(address, uuid.uuid4().hex)._asdict()), encoding="utf-8")
        aside.replace(folder / ORIGIN)
    except OSError as error:
        raise StoreError(
            f"{folder}: the mirror of {address} cannot be made here ({error.strerror}). Name a folder that can be "
            "written with EARMARK_CACHE."
        ) from error
    return folder


def _checked_address(kind: str, rest: str) -> str:
    """The one spelling of an address.

    Raises:
        StoreError: it could hold a secret, which would end up in files and messages; or it names no place.
    """
    if re.match(r"[^@]*:[^@]*@", rest) or "?" in rest or "#" in rest:
        # Not a word of it may be repeated.
        raise StoreError(
            f"{kind}://...: the address holds a password, a query or a fragment. Leave it out, as addresses are kept "
            "in files; credentials are taken from where the library for this kind of address looks for them, such as "
            "the environment or ~/.aws."
        )
    rest = rest.rstrip("/")
    if not rest or any(part in ("", ".", "..") for part in rest.split("/")):
        raise StoreError(
            f"{kind}://{rest}: no address of a store. Say a bucket and a folder in it, such as s3://bucket/folder."
        )
    return f"{kind}://{rest}"
