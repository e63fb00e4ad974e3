"""One searched field of a stage: the values that it may take, and how one is drawn."""

from __future__ import annotations

import math
from typing import cast

import pydantic
from pydantic import Field, StrictFloat, StrictInt

from earmark.addressing import derived_seed
from earmark.experiment import Description

Number = StrictInt | StrictFloat
Value = int | float | str | bool


class Values(Description):
    """``{ low = 3, high = 5 }``, with ``step`` or ``log = true`` where wanted, or ``{ choices = [1, 2, 4] }``.

    Of whole numbers alone, whole numbers are drawn, ends included.
    """

    low: Number | None = None
    high: Number | None = None
    step: Number | None = Field(default=None, gt=0)
    """From one value to the next, counted from ``low``; 1 for whole numbers, none for others."""
    log: bool = False
    """Equal ratios are equally probable, instead of equal differences."""
    choices: tuple[Value, ...] | None = Field(default=None, min_length=2)

    @pydantic.model_validator(mode="after")
    def _one_form(self) -> Values:
        if self.choices is not None:
            if self.model_fields_set - {"choices"}:
                raise ValueError("choices stand alone, without low, high, step and log")
            if len(set(map(repr, self.choices))) < len(self.choices):
                raise ValueError("a choice stands there twice")
            return self
        if self.low is None or self.high is None:
            raise ValueError("say { low = 3, high = 5 } or { choices = [1, 2, 4] }")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low = {self.low} must lie below high = {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log = true goes with low > 0 and without step")
        if self.step is not None:
            n = (self.high - self.low) / self.step
            if not math.isclose(n, round(n), abs_tol=1e-9) or (self.whole and not isinstance(self.step, int)):
                raise ValueError(f"no whole number of steps of {self.step} leads from {self.low} to {self.high}")
        return self

    @property
    def whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values by which it can be checked that the field takes them."""
        return self.choices if self.choices is not None else (cast(Value, self.low), cast(Value, self.high))

    def at(self, place: float) -> Value:
        """The value at a place in [0, 1) between the first and the last.

        >>> [Values(low=3, high=5).at(place) for place in (0.0, 0.5, 0.99)]
        [3, 4, 5]
        >>> Values(low=0.0, high=0.5, step=0.05).at(0.3), Values(choices=(1, 2, 4)).at(0.7)
        (0.15, 4)
        >>> [Values(low=16, high=128, log=True).at(place) for place in (0.0, 0.5, 0.99)]
        [16, 45, 126]
        """
        if self.choices is not None:
            return self.choices[int(place * len(self.choices))]
        low, high = cast(float, self.low), cast(float, self.high)
        step = self.step or (1 if self.whole else None)
        if self.log:
            # A whole number stands for all that is rounded to it, so that the ends are as probable as they should be.
            margin = 0.5 if self.whole else 0.0
            first, last = math.log(low - margin), math.log(high + margin)
            value = math.exp(first + place * (last - first))
            value = min(max(round(value) if self.whole else value, low), high)
            return value
        if step is None:
            return low + place * (high - low)
        n_values = round((high - low) / step) + 1
        # 0.05 * 3 is not 0.15, which is what a person would write, and what the address should be of.
        return round(low + step * int(place * n_values), 12)


def place_of(seed: int, draw: int, field: str) -> float:
    """The place of a field in a draw, in [0, 1): of these three alone, whoever asks and whatever was drawn before."""
    return (derived_seed(seed, "search", draw, field) >> 10) / 2**53
