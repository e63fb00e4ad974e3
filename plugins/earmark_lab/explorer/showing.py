"""Tables, figures and messages as widgets that need no live kernel to be drawn again."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

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
    """A table of text and numbers; numbers with at most three decimals, nothing where there is none."""
    import ipywidgets

    style = "padding:1px 10px 1px 0;border-bottom:1px solid #e6e6e6;white-space:nowrap"
    head = "".join(f'<th style="{style};text-align:left">{html.escape(_said(name))}</th>' for name in frame.columns)
    rows = "".join(
        "<tr>"
        + "".join(f'<td style="{style};text-align:{_side(cell)}">{html.escape(_cell(cell))}</td>' for cell in row)
        + "</tr>"
        for row in frame.itertuples(index=False)
    )
    body = rows or f'<tr><td style="{style}">nothing</td></tr>'
    return ipywidgets.HTML(
        f'<div style="overflow-x:auto;line-height:1.35"><table style="border-collapse:collapse;font-size:12px">'
        f"<tr>{head}</tr>{body}</table></div>"
    )


def message(sentences: Sequence[str]) -> Any:
    """Sentences for the person at the screen, one a line."""
    import ipywidgets

    lines = "<br>".join(html.escape(sentence) for sentence in sentences)
    return ipywidgets.HTML(f'<div style="color:#8a4b00;line-height:1.4;white-space:normal">{lines}</div>')


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


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return "" if math.isnan(cell) else f"{cell:.3f}".rstrip("0").rstrip(".")
    return str(cell)


def _side(cell: object) -> str:
    return "left" if isinstance(cell, str) else "right"
