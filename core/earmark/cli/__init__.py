"""The command line. Heavy imports wait until a command needs them: ``earmark --help`` answers at once."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from earmark.cli import corpora, evaluate, experiments, lab, label, models, papers, plugin_authors, report, tune
from earmark.errors import EarmarkError


class _Commands(TyperGroup):
    """Commands whose errors, where they are meant for people, are one sentence on standard error."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EarmarkError as error:
            print(f"earmark: {error}", file=sys.stderr)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            print("earmark: interrupted; what is finished is kept, the same command goes on from it.", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="earmark",
    cls=_Commands,
    help="Joint analysis of acoustic scenes and sound events from labels of every price. Begin with: earmark demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    rich_markup_mode=None,
)
papers.add_to(app)
experiments.add_to(app)
tune.add_to(app)
models.add_to(app)
evaluate.add_to(app)
report.add_to(app)
corpora.add_to(app)
label.add_to(app)
lab.add_to(app)
plugin_authors.add_to(app)


def main() -> None:
    """Run the command line."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # progress is of no use in a buffer, as when it is sent to a file
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    app()
