"""Where a notebook's tables and figures go, each stamped with what it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Results:
    """Writes tables (CSV, Markdown) and figures (PNG, SVG) under a folder, and hands them on to be shown.

    Every figure carries corpus, profile and number of repetitions below it, every table in its last lines: a synthetic
    corpus can then not be taken for the paper's.
    """

    def __init__(self, folder: str | Path, *, corpus: str, profile: str, n_repetitions: int) -> None:
        self._folder = Path(folder) if str(folder) else None
        self._made_from = {"corpus": corpus, "profile": profile}
        self._n_repetitions = n_repetitions

    def stamp(self, *, averaged: bool = True) -> str:
        """What a result was made from, in one line.

        >>> Results("", corpus="tut (synthetic)", profile="quick", n_repetitions=3).stamp()
        'corpus: tut (synthetic), profile: quick, n = 3'
        """
        parts = [f"{name}: {value}" for name, value in self._made_from.items() if value]
        return ", ".join([*parts, *([f"n = {self._n_repetitions}"] if averaged else [])])

    def table(self, name: str, table: pd.DataFrame, markdown: str | None = None, *, averaged: bool = True) -> Any:
        """Write a table as CSV, and in Markdown where a form for people is given; return what shows it best."""
        if self._folder is not None:
            folder = self._folder / "tables"
            folder.mkdir(parents=True, exist_ok=True)
            table.assign(**self._made_from).to_csv(folder / f"{name}.csv", index=False)
            if markdown is not None:
                (folder / f"{name}.md").write_text(f"{markdown}\n\n{self.stamp(averaged=averaged)}\n", encoding="utf-8")
        if markdown is None:
            return table
        from IPython.display import Markdown

        return Markdown(f"{markdown}\n\n{self.stamp(averaged=averaged)}")  # type: ignore[no-untyped-call]

    def figure(self, name: str, figure: Figure, *, averaged: bool = True) -> Figure:
        """Stamp a figure, write it as PNG and SVG, and return it to be shown."""
        # Constrained layout makes no room for a bare text, but it does for supxlabel.
        figure.supxlabel(self.stamp(averaged=averaged), x=0.995, ha="right", fontsize=7, color="0.4")
        if self._folder is not None:
            folder = self._folder / "figures"
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / f"{name}.png", dpi=200)
            figure.savefig(folder / f"{name}.svg")
        return figure
