"""What pydantic found wrong with a description, said for the person who wrote the file."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

import pydantic

from earmark.errors import suggestion


def explained(
    error: pydantic.ValidationError, description: type[pydantic.BaseModel], more_fields: Sequence[str] = ()
) -> str:
    """Say each problem with its field, what was meant and what exists.

    Args:
        error: what validation raised.
        description: the model that was asked for.
        more_fields: names that the file may hold at the top beside the model's own.
    """
    problems = []
    items = error.errors()
    for item in items:
        field = ".".join(str(part) for part in item["loc"])
        inside = any(other["loc"][: len(item["loc"])] == item["loc"] for other in items if other is not item)
        if item["type"] == "too_short" and inside:
            continue  # pydantic leaves out the entries that failed, and then finds too few
        if item["type"] == "extra_forbidden":
            known = [*_fields_at(item["loc"][:-1], description), *(more_fields if len(item["loc"]) == 1 else [])]
            problems.append(
                f"{field}: no such field. {suggestion(str(item['loc'][-1]), known)}Fields: {', '.join(known)}."
            )
        elif item["type"] == "missing":
            problems.append(f"{field}: missing.")
        elif item["type"] == "value_error":
            problems.append(f"{field + ': ' if field else ''}{item['ctx']['error']}.")
        else:
            problems.append(f"{field}: {item['msg']}, got {_shortened(repr(item['input']))}.")
    return " ".join(problems)


def _shortened(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _fields_at(location: tuple[int | str, ...], description: type[pydantic.BaseModel]) -> list[str]:
    """Fields of the description at a location, for those who misspelt one."""
    kind: Any = description
    for part in location:
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            fields = {field.alias or name: field for name, field in kind.model_fields.items()}
            kind = fields[str(part)].annotation if part in fields else None
        else:
            kind = typing.get_args(kind)[-1 if isinstance(part, str) else 0]
        options = [arg for arg in typing.get_args(kind) if arg is not type(None)]
        if typing.get_origin(kind) not in (dict, tuple) and options:
            kind = options[0]
    if not (isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)):
        return []
    return [field.alias or name for name, field in kind.model_fields.items()]
