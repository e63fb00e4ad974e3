"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Stores = Annotated[
    Path | None,
    typer.Option(
        help="Root of all stores. [default: $EARMARK_STORES, else stores/data in the checkout]", show_default=False
    ),
]
CorpusFolder = Annotated[
    str, typer.Option("--corpus", help="Folder of the corpus, or 'synthetic' for the synthesised stand-in.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Profile = Annotated[str, typer.Option(help="smoke (seconds), quick (minutes on 2 cores) or full (the paper's sizes).")]
Repetitions = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="Repetitions, seeds 0 to N - 1. [default: the profile's]", show_default=False),
]
