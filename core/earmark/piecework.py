"""Work that falls into pieces of which none waits for another, such as features of clips: done by an engine."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from earmark.hookspecs import hookimpl
from earmark.plugins import PluginManager, plugins

if TYPE_CHECKING:
    from earmark.protocols import Engine

Advance = Callable[[int, int], None]
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Piece:
    """Clips or recordings ``start`` to ``stop - 1`` of a work: a job for an engine."""

    work: str
    """For people, such as "features of tut (synthetic)"."""
    start: int
    stop: int

    @property
    def needs(self) -> tuple[Piece, ...]:
        """Pieces that must be done before it: none."""
        return ()

    def __str__(self) -> str:
        """Its place, counted from one.

        >>> str(Piece("features of tut", 64, 128)), str(Piece("recordings of tut", 2, 3))
        ('features of tut, 65 to 128', 'recordings of tut, 3')
        """
        return f"{self.work}, {self.start + 1}" + (f" to {self.stop}" if self.stop > self.start + 1 else "")


def engine_for_pieces(name: str, manager: PluginManager) -> Engine | None:
    """The engine of a name; None for "local": threads of this process, which need no start.

    "auto" is the one in ``EARMARK_ENGINE``, else this process: what decodes, transforms and renders sound releases the
    interpreter's lock, so that its threads do what processes would.

    Raises:
        UnknownPluginError: there is none of that name.
    """
    asked = os.environ.get("EARMARK_ENGINE", "auto") if name == "auto" else name
    if asked in ("auto", "local"):
        return None
    engine: Engine = manager.build("engine", asked, {}, "--engine")
    return engine


def with_engine(verb: Callable[..., ResultT], engine: Engine | None) -> Callable[..., ResultT]:
    """A plugin's verb that gives its pieces to an engine, where it can; see `earmark.protocols.Synthesizer`."""
    if engine is None or "engine" not in inspect.signature(verb).parameters:
        return verb
    return partial(verb, engine=engine)


def spread(
    engine: Engine,
    pieces: Sequence[Piece],
    work: Callable[[Piece], None],
    *,
    total: int,
    advance: Advance | None = None,
) -> None:
    """Have an engine do pieces of one work.

    Args:
        engine: does them, wherever it likes. What becomes of a piece whose worker is lost is its affair.
        pieces: those that are missing, in the order in which they are best begun.
        work: does one and leaves it where this process finds it; has to pickle, and to bear that a piece of which
            something is there already is done again.
        total: clips or recordings in all, with those that are not missing.
        advance: called with (done, total) after each piece, from this thread.

    Raises:
        EarmarkError: a piece could not be done.
    """
    if not pieces:
        return
    counter = _Counter(pieces, total, advance or (lambda done, total: None))
    manager, name = plugins(), f"progress {id(counter)}"
    manager.register(counter, name)
    try:
        engine.execute(pieces, Telling(work))
    finally:
        manager.unregister(name)
    counter.finish()  # a worker's last words may be on their way when its job is known to be done


class Telling:
    """Does a piece and says so, in whatever process it finds itself."""

    def __init__(self, work: Callable[[Piece], None]) -> None:
        self._work = work

    def __call__(self, piece: Piece) -> None:
        self._work(piece)
        plugins().hook.earmark_piece_done(work=piece.work, start=piece.start, stop=piece.stop)


class _Counter:
    """A plugin that counts what is done of the pieces of one call."""

    def __init__(self, pieces: Sequence[Piece], total: int, advance: Advance) -> None:
        self._left = {(piece.work, piece.start, piece.stop) for piece in pieces}
        self._done = total - sum(piece.stop - piece.start for piece in pieces)
        self._total = total
        self._advance = advance

    @hookimpl
    def earmark_piece_done(self, work: str, start: int, stop: int) -> None:
        """Count a piece once, though a worker that was lost may have said so, too."""
        if (work, start, stop) in self._left:
            self._left.remove((work, start, stop))
            self._done += stop - start
            self._advance(self._done, self._total)

    def finish(self) -> None:
        """Count what nobody has spoken of."""
        if self._left:
            self._advance(self._total, self._total)
