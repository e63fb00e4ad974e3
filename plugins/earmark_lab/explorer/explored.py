"""What the explorer asks of what it shows: plain tables, figures and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from earmark.recordings import Event


class Explored(Protocol):
    """Tables and figures of the runs of one study; every method may raise `earmark.errors.EarmarkError`."""

    @property
    def runs(self) -> Mapping[str, Any]:
        """Runs by title."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """A sentence for each thing that cannot be shown."""
        ...

    @property
    def scenes(self) -> Sequence[str]: ...

    @property
    def events(self) -> Sequence[str]: ...

    @property
    def kinds(self) -> Sequence[str]:
        """Kinds of what a run makes of events."""
        ...

    @property
    def orders(self) -> Sequence[str]:
        """By what clips can be ordered."""
        ...

    @property
    def refining_stages(self) -> Sequence[str]:
        """Stages whose labels were refined."""
        ...

    @property
    def training_clips(self) -> Sequence[str]: ...

    def clips(self, run: str, *, scene: str | None, event: str | None, kind: str | None, by: str) -> pd.DataFrame:
        """Clips with the columns clip, scene, fscore and n_errors, the worst first."""
        ...

    def occurrences(self, run: str, clip: str) -> pd.DataFrame:
        """What a run made of one clip."""
        ...

    def confusion(self, run: str, scene: str | None) -> Figure: ...

    def recall(self, run: str, scene: str | None) -> Figure: ...

    def two_runs(
        self, first: str, second: str, *, scene: str | None, event: str | None
    ) -> tuple[Figure, pd.DataFrame]: ...

    def changed_labels(self, stage: str) -> tuple[Figure, pd.DataFrame]: ...

    def layers(self, clip: str) -> tuple[Mapping[str, Sequence[Event]], Sequence[str]]:
        """Label layers of a training clip, and what cannot be said of it."""
        ...

    def layers_figure(self, clip: str) -> Figure: ...
