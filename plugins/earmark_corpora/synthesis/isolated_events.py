"""Which sounds of the city stand-in are heard alone, under which names of AudioSet, and over which noise."""

from __future__ import annotations

from earmark_corpora.synthesis.chance import Rng
from earmark_corpora.synthesis.mixing import Ensemble
from earmark_corpora.synthesis.scenery import Scenery
from earmark_corpora.synthesis.signals import between
from earmark_corpora.synthesis.urban import URBAN

TAGS: dict[str, tuple[str, ...]] = {
    "(object) impact": ("Thump, thud",),
    "(object) rustling": ("Rustle",),
    "bird singing": ("Animal", "Bird", "Bird vocalization, bird call, bird song"),
    "brakes squeaking": ("Squeal",),
    "car": ("Vehicle", "Car"),
    "children": ("Speech", "Child speech, kid speaking"),
    "large vehicle": ("Vehicle", "Bus"),
    "people talking": ("Speech",),
    "people walking": ("Walk, footsteps",),
    "wind blowing": ("Wind",),
    "rails": ("Vehicle", "Rail transport", "Train"),
    "chime": ("Beep, bleep",),
    "music": ("Music",),
}
"""Names of each sound, parents first: where a child is heard, its parents are (AudioSet is a hierarchy)."""

NOTHING = "Silence"
"""What a clip is called in which nothing but noise is heard, as AudioSet does."""

EVENTS = (*dict.fromkeys(tag for tags in TAGS.values() for tag in tags), NOTHING)

ISOLATED = Ensemble(
    instruments=URBAN.instruments,
    snr_db=(-6.0, 30.0),
    loudness_db=(9.0, 6.0),
    moving=URBAN.moving,
)
"""From as faint as in the scenes to nearly alone."""

NOISE = Scenery(
    slope_db=(-9.0, -2.5),
    corner_hz=(50, 600),
    traffic=(0.02, 0.6),
    traffic_sd_db=(1.0, 3.0),
    air=(0.01, 0.5),
    hum=(0.0, 0.2),
    reverb_s=(0.05, 0.9),
    reverb_gain=(0.01, 0.3),
    disturbances_per_min=(0.0, 0.0),
)
"""Noise of any colour and rooms of any size: no scene of the stand-in, but as wide as all of them together."""

SILENT_SHARE = 0.08


def drawn(rng: Rng, clip_s: float) -> list[tuple[float, float, str]]:
    """Onset, offset and name of each sound of a clip: one to three different ones, now and then none."""
    if rng.random() < SILENT_SHARE:
        return []
    chosen = rng.choice(list(TAGS), size=int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])), replace=False)
    events = []
    for label in map(str, chosen):
        length_s = between(rng, 0.1, 0.8) if label == "(object) impact" else between(rng, 0.8, clip_s)
        onset_s = float(rng.uniform(0, clip_s - min(length_s, clip_s)))
        events.append((onset_s, onset_s + min(length_s, clip_s), label))
    return sorted(events)


def tags_of(labels: list[str]) -> tuple[str, ...]:
    """Names of a clip in which these sounds are heard, in the order of `EVENTS`.

    >>> tags_of(["people talking", "car"])
    ('Vehicle', 'Car', 'Speech')
    """
    heard = {tag for label in labels for tag in TAGS[label]} or {NOTHING}
    return tuple(event for event in EVENTS if event in heard)
