"""A model bundle: a trained model in a folder, with everything that it takes to use it on another machine."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pydantic
import safetensors.torch
import torch
from pydantic import Field
from safetensors import SafetensorError
from torch import Tensor, nn

from earmark.errors import EarmarkError
from earmark.experiment import Description, PluginRef
from earmark.plugins import PluginManager
from earmark.protocols import Frontend, Task

FORMAT = 1
DESCRIPTION, WEIGHTS, CARD = "bundle.json", "weights.safetensors", "README.md"


class BundleError(EarmarkError):
    """A folder is not a bundle, or one that is damaged, of another version or does not fit what is installed."""


class Normalisation(Description):
    """Mean and standard deviation of each mel band over the training clips, each (mel,)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class BundleDescription(Description):
    """What ``bundle.json`` says."""

    format: Literal[1]
    name: str
    title: str
    model: PluginRef
    task: Task
    frontend: PluginRef
    clip_s: float = Field(gt=0, allow_inf_nan=False)
    """Length of the clips that the model was trained on, and of the windows in which it hears a recording."""
    events: tuple[str, ...]
    scenes: tuple[str, ...]
    normalisation: Normalisation
    postprocessing: tuple[PluginRef, ...]
    """Steps from posteriors to decisions, thresholds included."""
    weights_digest: str
    """BLAKE2b of the weights' file."""
    about: dict[str, Any]
    """Where it comes from: corpus, labels, seed, address of the run, scores, versions, licences."""

    @pydantic.model_validator(mode="after")
    def _sizes_fit(self) -> BundleDescription:
        for name, found, wanted in (
            ("events", len(self.events), self.task.n_events),
            ("scenes", len(self.scenes), self.task.n_scenes),
            ("normalisation.mean", len(self.normalisation.mean), self.task.n_mels),
            ("normalisation.std", len(self.normalisation.std), self.task.n_mels),
        ):
            if found != wanted:
                raise ValueError(f"{name}: {found} of them, and the model is made for {wanted}")
        return self


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle in memory."""

    description: BundleDescription
    weights: Mapping[str, Tensor]

    def model(self, manager: PluginManager) -> nn.Module:
        """The trained model in evaluation mode, on the CPU.

        Raises:
            UnknownPluginError: the model's plugin is not installed here.
            BundleError: the installed plugin makes another net.
        """
        ref = self.description.model
        model = cast(
            nn.Module, manager.build("model", ref.use, ref.options, self.description.name, self.description.task)
        )
        try:
            model.load_state_dict(dict(self.weights))
        except RuntimeError as error:
            made_by = self.description.about.get("plugins", {}).get("model", "an unknown version")
            raise BundleError(
                f"{self.description.name}: the weights do not fit the model {ref.use!r} that is installed; they were "
                f"made by {made_by}. Install that version. ({str(error).splitlines()[0]})"
            ) from None
        return model.eval()

    def frontend(self, manager: PluginManager) -> Frontend:
        """The front end of the training.

        Raises:
            BundleError: it makes features of another size than the model takes.
        """
        ref, task = self.description.frontend, self.description.task
        frontend: Frontend = manager.build("frontend", ref.use, ref.options, self.description.name)
        found = (frontend.n_frames(self.description.clip_s), frontend.n_mels)
        if found != (task.n_frames, task.n_mels):
            raise BundleError(
                f"{self.description.name}: the front end {ref.use!r} gives features of {found} (frames, bands) for "
                f"{self.description.clip_s:g} s, the model takes {(task.n_frames, task.n_mels)}. Install the version "
                f"that it was trained with: {self.description.about.get('plugins', {}).get('frontend', 'unknown')}."
            )
        return frontend


def save_bundle(
    folder: Path, weights: Mapping[str, Tensor], description: Mapping[str, Any], card: str
) -> BundleDescription:
    """Write a bundle, aside first and renamed once whole; an older bundle in its place is replaced.

    Args:
        folder: of the bundle.
        weights: by name, on any device.
        description: fields of `BundleDescription` but for ``format`` and ``weights_digest``.
        card: Markdown for people.

    Raises:
        BundleError: the folder holds something else, or cannot be written.
    """
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise BundleError(
            f"{folder} exists and is not a model bundle. Name another folder with --to; nothing was written."
        )
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in weights.items()}
    content = safetensors.torch.save(plain)
    described = BundleDescription.model_validate({**description, "format": FORMAT, "weights_digest": _digest(content)})
    # Names that nobody else gives: what lies there is removed.
    aside, old = (folder.with_name(f".{folder.name}.earmark-{use}") for use in ("new", "old"))
    try:
        for leftover in (aside, old):
            shutil.rmtree(leftover, ignore_errors=True)
        aside.mkdir(parents=True)
        (aside / WEIGHTS).write_bytes(content)
        (aside / CARD).write_text(card, encoding="utf-8", newline="\n")
        (aside / DESCRIPTION).write_text(
            json.dumps(described.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        if folder.exists():
            folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise BundleError(f"{folder} cannot be written ({error}). Free some space or name another folder.") from error
    return described


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check that it is whole.

    Raises:
        BundleError: not a bundle, damaged, or of another format version.
    """
    try:
        text = (folder / DESCRIPTION).read_text(encoding="utf-8")
        content = (folder / WEIGHTS).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(
            f"{folder}: not a model bundle ({error}). A bundle is a folder with {DESCRIPTION} and {WEIGHTS}; "
            "`earmark train EXPERIMENT.toml` ends with one."
        ) from None
    try:
        found = json.loads(text)
        version = found.get("format") if isinstance(found, dict) else None
        if version != FORMAT:
            raise BundleError(
                f"{folder / DESCRIPTION}: a bundle of format {version!r}; this Earmark reads {FORMAT}. Use the Earmark "
                "that wrote it, or train it again."
            )
        description = BundleDescription.model_validate(found)
    except (ValueError, RecursionError) as error:  # what pydantic and json raise
        raise BundleError(f"{folder / DESCRIPTION}: damaged ({error}). Copy the bundle again.") from None
    if _digest(content) != description.weights_digest:
        raise BundleError(
            f"{folder / WEIGHTS}: these are not the weights that {DESCRIPTION} describes. Copy the whole bundle again."
        )
    try:
        weights = safetensors.torch.load(content)
    except SafetensorError as error:
        raise BundleError(f"{folder / WEIGHTS}: damaged ({error}). Copy the bundle again.") from None
    return Bundle(description=description, weights=weights)


def normaliser(description: BundleDescription) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per mel band, each (mel,)."""
    return torch.tensor(description.normalisation.mean), torch.tensor(description.normalisation.std)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
