"""The instrument of each of the 25 events, and how loud it usually is."""

from __future__ import annotations

from collections.abc import Callable

from earmark_corpora.synthesis import clicks, noises, ringing, steps, voices
from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.signals import Sound

INSTRUMENTS: dict[str, Callable[[Rng], Sound]] = {
    "(object) banging": ringing.banging,
    "(object) impact": clicks.impact,
    "(object) rustling": noises.rustling,
    "(object) snapping": clicks.snapping,
    "(object) squeaking": voices.squeaking,
    "bird singing": voices.bird_singing,
    "brakes squeaking": voices.brakes_squeaking,
    "breathing": noises.breathing,
    "car": noises.car,
    "children": voices.children,
    "cupboard": ringing.cupboard,
    "cutlery": ringing.cutlery,
    "dishes": ringing.dishes,
    "drawer": ringing.drawer,
    "fan": noises.fan,
    "glass jingling": ringing.glass_jingling,
    "keyboard typing": clicks.keyboard_typing,
    "large vehicle": noises.large_vehicle,
    "mouse clicking": clicks.mouse_clicking,
    "mouse wheeling": clicks.mouse_wheeling,
    "people talking": voices.people_talking,
    "people walking": steps.people_walking,
    "washing dishes": noises.washing_dishes,
    "water tap running": noises.water_tap_running,
    "wind blowing": noises.wind_blowing,
}
"""Draws the instrument of a recording; every recording has another one of each event."""

MOVING = frozenset({"car", "large vehicle", "people walking"})
"""Events whose source crosses the stereo image."""
