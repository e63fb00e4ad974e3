"""Tables, figures and messages as widgets that need no live kernel to be drawn again."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def picture(figure: Figure) -> Any:
    """A figure as a picture that gives way to a narrow page."""
    import ipywidgets

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    # Neither height nor width is fixed: the picture keeps its proportions at any width.
    return ipywidgets.Image(
        value=buffer.getvalue(), format="png", layout={"max_width": "100%", "width": f"{figure.get_figwidth():.1f}in"}
    )


def table(frame: pd.DataFrame) -> Any:
    """A table of text and numbers; numbers of a column with as many decimals as they need, at most three."""
    import ipywidgets

    style = "padding:1px 10px 1px 0;border-bottom:1px solid rgba(128,128,128,0.25);white-space:nowrap"
    columns = [frame[name].tolist() for name in frame.columns]
    sides = ["left" if any(isinstance(cell, str) for cell in column) else "right" for column in columns]

    def line(tag: str, cells: Iterable[str]) -> str:
        inside = (
            f'<{tag} style="{style};text-align:{side}">{html.escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        return f"<tr>{''.join(inside)}</tr>"

    head = line("th", map(_said, frame.columns))
    rows = "".join(line("td", cells) for cells in zip(*map(_cells, columns), strict=True))
    body = rows or f'<tr><td style="{style}">nothing</td></tr>'
    return ipywidgets.HTML(
        f'<div style="overflow-x:auto;line-height:1.35"><table style="border-collapse:collapse;font-size:12px">'
        f"{head}{body}</table></div>"
    )


def message(sentences: Sequence[str]) -> Any:
    """Sentences for the person at the screen, one a line."""
    import ipywidgets

    lines = "<br>".join(html.escape(sentence) for sentence in sentences)
    # A mark beside the page's own ink can be read in light and dark themes.
    style = "border-left:3px solid #b58900;padding-left:8px;line-height:1.4;white-space:normal"
    return ipywidgets.HTML(f'<div style="{style}">{lines}</div>')


def text(widget: Any) -> Any:
    """A message as HTML that needs no widget; anything else as it is."""
    import ipywidgets
    from IPython.display import HTML

    return HTML(widget.value) if isinstance(widget, ipywidgets.HTML) else widget  # type: ignore[no-untyped-call]


def or_said(make: Callable[[], Sequence[Any]]) -> tuple[Any, ...]:
    """Widgets, or in their place the error that kept them from being made."""
    try:
        return tuple(make())
    except EarmarkError as error:
        return (message([str(error)]),)


def _said(name: object) -> str:
    """Name of a column in words: "offset_s" is "offset (s)"."""
    text = str(name)
    return f"{text[:-2].replace('_', ' ')} (s)" if text.endswith("_s") else text.replace("_", " ")


def _cells(column: Sequence[object]) -> list[str]:
    """Cells of a column in words; nothing where there is no number.

    >>> _cells([0.5, 0.25, math.nan])
    ['0.50', '0.25', '']
    """
    decimals = max((len(f"{cell:.3f}".rstrip("0").partition(".")[2]) for cell in column if _is_number(cell)), default=0)
    return [
        f"{cell:.{decimals}f}" if _is_number(cell) else "" if isinstance(cell, float) else str(cell) for cell in column
    ]


def _is_number(cell: object) -> TypeGuard[float]:
    return isinstance(cell, float) and not math.isnan(cell)
