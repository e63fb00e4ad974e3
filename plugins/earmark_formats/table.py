"""Tables of text: a header and rows, separated by tabs or commas, whichever the header shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from earmark.errors import AnnotationError
from earmark_formats.gathering import text_of


def rows(path: Path, *, quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers and stripped fields of the lines that are not blank, the header first.

    Args:
        path: the table.
        quoted: fields may stand between quotation marks; else these are part of a name, as in Raven.

    Raises:
        AnnotationError: quotation marks do not match, or the file is no text.
    """
    text = text_of(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    # A tab is never part of a name; a comma may be, and may be a decimal comma.
    mark = "\t" if "\t" in first else ","
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, quoting=quoting, strict=True)
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {reader.line_num}: {error}. Correct the quotation marks.") from None


def columns(header: list[str], names: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Place of each known column; `names` gives the spellings of each, the first that is there wins.

    >>> columns(["File", "Onset"], {"file": ("filename", "file"), "onset": ("onset",), "label": ("label",)})
    {'file': 0, 'onset': 1}
    """
    places = {name.lower(): place for place, name in reversed(list(enumerate(header)))}
    found = {column: next((places[n] for n in spellings if n in places), None) for column, spellings in names.items()}
    return {column: place for column, place in found.items() if place is not None}
