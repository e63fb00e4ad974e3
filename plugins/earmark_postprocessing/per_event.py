"""An option with a value for every event, and others for some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from earmark.errors import OptionError, suggestion


def per_event(
    owner: str, option: str, usual: float, of_event: Mapping[str, float], events: Sequence[str]
) -> npt.NDArray[np.float64]:
    """The option's value for each event (event,).

    Raises:
        OptionError: a value is given for an event that the vocabulary does not have.

    >>> per_event("median-filter", "length_s", 0.3, {"car": 1.0}, ["bird", "car"]).tolist()
    [0.3, 1.0]
    """
    for name in of_event:
        if name not in events:
            raise OptionError(
                f"{owner}: {option} is given for {name!r}, which is not among the events. {suggestion(name, events)}"
                f"Events: {', '.join(events)}."
            )
    return np.array([of_event.get(event, usual) for event in events])


def check_times(owner: str, option: str, usual: float, of_event: Mapping[str, float]) -> None:
    """Raise where a time is negative or not finite.

    Raises:
        OptionError: with the option's name.
    """
    for value in (usual, *of_event.values()):
        if not 0 <= value < np.inf:
            raise OptionError(f"{owner}: {option} = {value:g} must be a time in seconds, 0 or more.")


def check_posteriors(owner: str, **options: float) -> None:
    """Raise where a threshold lies outside [0, 1].

    Raises:
        OptionError: with the option's name.
    """
    for option, value in options.items():
        if not 0 <= value <= 1:
            raise OptionError(f"{owner}: {option} = {value:g} must be a posterior in [0, 1].")
