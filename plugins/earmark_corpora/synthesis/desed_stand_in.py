"""The synthesiser of the DESED stand-in: a soundbank, and recorded clips with strong, weak and no labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import OptionError
from earmark.processes import n_processors
from earmark.recordings import Event
from earmark_corpora.desed.layout import EVENTS

if TYPE_CHECKING:
    from earmark.protocols import Engine
    from earmark_corpora.synthesis.signals import Signal
    from earmark_corpora.synthesis.writing import SoundFile

VERSION = 1
"""Raised whenever the same options and seed give other sound or other annotations."""

VARIANTS = {
    "train": {
        "Frying": {"": 0.1, "_nOff": 0.7, "_nOn_nOff": 0.2},
        "Vacuum_cleaner": {"": 0.7, "_nOn": 0.1, "_nOn_nOff": 0.2},
    },
    "eval": {
        "Blender": {"": 0.9, "_nOff": 0.1},
        "Frying": {"": 0.1, "_nOff": 0.7, "_nOn_nOff": 0.2},
        "Running_water": {"": 0.85, "_nOn": 0.1, "_nOn_nOff": 0.05},
        "Vacuum_cleaner": {"": 0.7, "_nOff": 0.1, "_nOn": 0.1, "_nOn_nOff": 0.1},
    },
}
"""Share of a class's foreground files without onset or offset; source: [weak_label_limits], occurrence files."""

VALIDATION_SHARE = 0.1

FOREIGN = (
    "audio",
    "metadata",
    "dataset",
    "real",
    "synthetic",
    "soundbank_validation.tsv",
    "validation.tsv",
    "public.tsv",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class DesedStandIn:
    """Writes a synthetic soundbank and synthetic recorded clips in the layout of DESED, 44.1 kHz, one channel.

    The corpus ``desed`` reads the clips, ``desed-soundbank`` the soundbank.
    """

    foreground_train: int = 300
    """Foreground files for training and validation; the real soundbank has 1,009."""
    foreground_eval: int = 100
    """Foreground files for evaluation, of other sources; the real soundbank has 314."""
    background_train: int = 60
    """Backgrounds of 10 s for training and validation; the real ones are 2,060."""
    background_eval: int = 17
    n_weak: int = 80
    """Clips with tags; the real list names 1,578."""
    n_unlabelled: int = 20
    """Clips of which nothing is known; the real list names 14,412."""
    n_validation: int = 80
    """Clips with timed events; the real list names 1,168."""
    n_public: int = 40
    """Clips with timed events for evaluation; the real list names 692."""

    def __post_init__(self) -> None:
        for field in fields(self):
            count = getattr(self, field.name)
            least = 2 * len(EVENTS) if field.name == "foreground_train" else 1
            least = len(EVENTS) if field.name == "foreground_eval" else least
            least = 2 if field.name == "background_train" else least
            if count < least:
                raise OptionError(f"DesedStandIn.{field.name} is {count}; give at least {least}.")

    def synthesize(
        self,
        root: Path,
        *,
        seed: int,
        advance: Callable[[int, int], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Write the stand-in; files that are whole are kept, so that a second call goes on.

        Raises:
            CorpusError: the folder holds something else, or cannot be written.
        """
        # Imported late: signal processing takes longer to import than most commands that load plugins take in all.
        from earmark_corpora.synthesis.writing import write_files

        bank = list(self._foreground(seed))
        backgrounds = list(self._background())
        clips = self._clips(seed)
        sounds = [
            *(
                sound_file(path, duration_s, isolated_event, label, variant, seed)
                for path, label, variant, duration_s in bank
            ),
            *(sound_file(path, 10.0, rendered_clip, (), seed) for path in backgrounds),
            *(
                sound_file(path, 10.0, rendered_clip, events, seed)
                for of_list in clips.values()
                for path, events in of_list.items()
            ),
        ]
        texts = {"soundbank_validation.tsv": _validation_list([path for path, *_ in bank], backgrounds)}
        texts |= {name: _list(name, of_list) for name, of_list in clips.items()}
        write_files(
            root,
            sounds,
            texts,
            self.identity(seed),
            foreign=FOREIGN,
            workers=n_processors(),
            advance=advance,
            engine=engine,
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """What decides the stand-in."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"corpus": "desed", "version": VERSION, "seed": seed, "options": options}

    def _foreground(self, seed: int) -> Iterator[tuple[str, str, str, float]]:
        """Path, class, variant and length of each foreground file; names as Freesound numbers and pieces."""
        from earmark_corpora.synthesis.chance import generator
        from earmark_corpora.synthesis.desed_plan import isolated_duration

        for part, total, first_source in (
            ("train", self.foreground_train, 100_000),
            ("eval", self.foreground_eval, 500_000),
        ):
            for index, label in enumerate(EVENTS):
                rng = generator(seed, "foreground", part, label)
                count = total // len(EVENTS) + (index < total % len(EVENTS))
                source, left = first_source + 10_000 * index, count
                while left:
                    variants = VARIANTS[part].get(label, {"": 1.0})
                    variant = str(rng.choice(list(variants), p=list(variants.values())))
                    # At least two sources a class, so that validation can have one of its own.
                    n_pieces = min(int(rng.integers(1, 4)), max(1, left - 1) if left == count else left)
                    for piece in range(n_pieces):
                        length_s = float(rng.uniform(10, 30)) if variant else isolated_duration(label, rng)
                        name = f"{source}_{piece}" if n_pieces > 1 else f"{source}"
                        path = f"audio/{part}/soundbank/foreground/{label}{variant}/{name}.wav"
                        yield path, label, variant, round(length_s, 3)
                    source, left = source + 1, left - n_pieces

    def _background(self) -> Iterator[str]:
        for index in range(self.background_train):
            yield f"audio/train/soundbank/background/sins/DevNode{index % 4 + 1}_ex{index // 4 + 1}_{index + 1}.wav"
        for index in range(self.background_eval):
            folder = "youtube" if index % 3 == 2 else "freesound"
            yield f"audio/eval/soundbank/background/{folder}/s{index + 1:03d}.wav"

    def _clips(self, seed: int) -> dict[str, dict[str, tuple[Event, ...]]]:
        """Clips of each list with their events."""
        from earmark_corpora.synthesis.chance import generator
        from earmark_corpora.synthesis.desed_plan import clip_events

        clips: dict[str, dict[str, tuple[Event, ...]]] = {}
        for name, folder, count in (
            ("metadata/train/weak.tsv", "audio/train/weak", self.n_weak),
            ("metadata/train/unlabel_in_domain.tsv", "audio/train/unlabel_in_domain", self.n_unlabelled),
            ("metadata/validation/validation.tsv", "audio/validation", self.n_validation),
            ("metadata/eval/public.tsv", "audio/eval/public", self.n_public),
        ):
            clips[name] = {}
            for index in range(count):
                start_s = 10 * (index % 30)
                clip = (
                    f"{index:06d}_{start_s}_{start_s + 10}"
                    if "eval" in name
                    else (f"Y{folder.rpartition('/')[2][0]}{index:06d}_{start_s}.000_{start_s + 10}.000")
                )
                path = f"{folder}/{clip}.wav"
                rng = generator(seed, "events", path)
                events = clip_events(rng)
                while "weak" in name and not events:  # a clip without a label is in no list of labels
                    events = clip_events(rng)
                clips[name][path] = events
        return clips


def sound_file(path: str, duration_s: float, render: Callable[..., Signal], *how: Any) -> SoundFile:
    """A file of the stand-in, which ``render(path, n_samples, *how)`` fills."""
    from earmark_corpora.synthesis.signals import samples
    from earmark_corpora.synthesis.writing import SoundFile
    from earmark_corpora.tut.layout import RATE_HZ

    n = samples(duration_s)
    return SoundFile(path=path, n_samples=n, rate_hz=RATE_HZ, subtype="PCM_16", render=partial(render, path, n, *how))


def isolated_event(path: str, n: int, label: str, variant: str, seed: int) -> Signal:
    """An isolated event (n, 1): all pieces of one source come from one instrument."""
    import numpy as np

    from earmark_corpora.synthesis.chance import generator
    from earmark_corpora.synthesis.domestic import DOMESTIC_INSTRUMENTS
    from earmark_corpora.synthesis.signals import band, between, coloured_noise, lowpassed

    source = path.rpartition("/")[2].removesuffix(".wav").partition("_")[0]
    instrument = DOMESTIC_INSTRUMENTS[label](generator(seed, "instrument", label, source))
    rng = generator(seed, "sound", path)
    sound = lowpassed(instrument(rng, n), between(rng, 5_000, 18_000))
    sound /= np.float32(np.sqrt(np.mean(sound**2)) + 1e-9)
    sound += np.float32(between(rng, 1e-3, 1e-2)) * coloured_noise(rng, n, band(60, 12_000, 1.0))
    edge = min(n // 4, 220)
    if "_nOn" not in variant:
        sound[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
    if "_nOff" not in variant:
        sound[n - edge :] *= np.linspace(1, 0, edge, dtype=np.float32)
    peak = float(np.abs(sound).max()) + 1e-9
    return (sound * np.float32(min(10 ** (rng.uniform(-30, -15) / 20), 0.9 / peak)))[:, None]


def rendered_clip(path: str, n: int, events: tuple[Event, ...], seed: int) -> Signal:
    """A room (n, 1) in which these events are heard."""
    from earmark_corpora.synthesis.chance import generator
    from earmark_corpora.synthesis.domestic import DOMESTIC, HOME
    from earmark_corpora.synthesis.mixing import mixed
    from earmark_corpora.synthesis.scenery import place_in

    place = place_in(HOME, generator(seed, "place", path))
    mono: Signal = mixed(place, events, n, DOMESTIC, generator(seed, "sound", path)).mean(axis=1, keepdims=True)
    return mono


def _validation_list(foreground: list[str], backgrounds: list[str]) -> str:
    """What validation is to have of the training part: the first sources of each class, whole, and a tenth of rooms."""
    chosen = []
    for label in EVENTS:
        of_class = [path for path in foreground if path.startswith("audio/train/") and _class(path) == label]
        sources = list(dict.fromkeys(_source(path) for path in of_class))
        held_out: set[str] = set()
        while sum(_source(path) in held_out for path in of_class) < VALIDATION_SHARE * len(of_class):
            held_out.add(sources[len(held_out)])
        chosen += [path for path in of_class if _source(path) in held_out]
    rooms = [path for path in backgrounds if path.startswith("audio/train/")]
    chosen += rooms[: max(1, round(VALIDATION_SHARE * len(rooms)))]
    moved = [path.replace("audio/train/", "audio/validation/", 1) for path in sorted(chosen)]
    return "\n".join(["filepath", *moved]) + "\n"


def _class(path: str) -> str:
    from earmark_corpora.desed.layout import split_variant

    return split_variant(path.split("/")[-2])[0]


def _source(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".wav").partition("_")[0]


def _list(name: str, clips: dict[str, tuple[Event, ...]]) -> str:
    """One list in the form of its kind: events with times, tags, or names alone."""
    lines = []
    for path, events in clips.items():
        clip = path.rpartition("/")[2]
        if "unlabel" in name:
            lines.append(clip)
        elif "weak" in name:
            lines.append(f"{clip}\t{','.join(sorted({event.label for event in events}))}")
        else:
            timed = [f"{clip}\t{e.onset_s:.3f}\t{e.offset_s:.3f}\t{e.label}" for e in events]
            lines += timed or [f"{clip}\t\t\t"]
    header = "filename"
    if "unlabel" not in name:
        header += "\tevent_labels" if "weak" in name else "\tonset\toffset\tevent_label"
    return "\n".join([header, *lines]) + "\n"
