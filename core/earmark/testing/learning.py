"""Contracts of what takes part in training: labels, models, losses, refiners, front ends, samplers."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from earmark.outputs import Outputs
from earmark.protocols import (
    Factory,
    Frontend,
    LabelSource,
    Loss,
    Refiner,
    Sampler,
    Task,
)
from earmark.recordings import Dataset, cut
from earmark.targets import Targets
from earmark.testing.small import CLIP_S, EVENTS, GRID, SCENES, small_dataset, small_predictions, small_targets


def check_label_source(factory: Factory, *, dataset: Dataset | None = None, **options: Any) -> None:
    """Targets of exactly the clips asked for, in their order, over one vocabulary each of events and scenes."""
    source: LabelSource = factory(**options)
    dataset = dataset or small_dataset()
    clips = cut(dataset.recordings, CLIP_S)
    targets = source.label(dataset, clips, GRID)
    assert isinstance(targets, Targets), "label() must return Targets"
    assert targets.clips == tuple(clip.id for clip in clips), "targets must hold the clips asked for, in their order"
    assert targets.scenes == dataset.scenes, "the scenes are the dataset's"
    assert len(set(targets.events)) == len(targets.events), "an event is named once"
    assert targets.events == dataset.events or targets.tells_events, (
        "a source without event labels names no other events"
    )
    _assert_sound(targets)
    backwards = source.label(dataset, clips[::-1], GRID)
    _assert_same(backwards.select(torch.arange(len(clips) - 1, -1, -1)), targets, "the order of the clips changed them")


N_CLIPS = 6
"""Clips of a batch: pairs as well as triplets, for models to which the places in a batch mean something."""


def check_model(factory: Factory, *, task: Task | None = None, **options: Any) -> None:
    """A module from (clip, frame, mel) to finite outputs of the task's sizes, trainable, saveable, repeatable."""
    task = task or Task(n_frames=100, n_mels=64, n_events=len(EVENTS), n_scenes=len(SCENES))
    torch.manual_seed(0)
    model = factory(task, **options)
    assert isinstance(model, nn.Module), "a model must be a torch.nn.Module"
    features = torch.randn(N_CLIPS, task.n_frames, task.n_mels)
    if hasattr(model, "prepared"):
        with torch.no_grad():
            prepared: Any = model.eval().prepared
            features = prepared(features)
        assert len(features) == N_CLIPS, "prepared() must keep the clips as first axis"
    model.train()
    outputs = model(features)
    assert isinstance(outputs, Outputs), "a model must return earmark.outputs.Outputs"
    shapes = {
        "event_frame_logit": (N_CLIPS, task.n_frames, task.n_events),
        "event_clip_logit": (N_CLIPS, task.n_events),
        "scene_logit": (N_CLIPS, task.n_scenes),
    }
    given = {field.name: getattr(outputs, field.name) for field in fields(outputs)}
    given = {name: tensor for name, tensor in given.items() if tensor is not None}
    assert given, "a model must give at least one output"
    for name, tensor in given.items():
        wanted = shapes.get(name, (N_CLIPS, *tensor.shape[1:]))
        assert tuple(tensor.shape) == wanted, f"{name} is {tuple(tensor.shape)}, must be {wanted}"
        assert tensor.isfinite().all(), f"{name} is not finite on ordinary features"
    torch.stack([tensor.square().mean() for tensor in given.values()]).sum().backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert any(g is not None and bool(g.abs().sum() > 0) for g in gradients), "no gradient reaches any parameter"
    model.eval()
    with torch.no_grad():
        together = model(features)
        alone = model(features[:1])
        twin = factory(task, **options)
        twin.load_state_dict(copy.deepcopy(model.state_dict()))
        twin.eval()
        reloaded = twin(features)
    for name in given:
        whole, single, again = (getattr(o, name) for o in (together, alone, reloaded))
        assert torch.allclose(whole[:1], single, atol=1e-4), f"in eval mode {name} of a clip depends on its batch"
        assert torch.allclose(whole, again, atol=1e-5), f"{name} changes when the state_dict is saved and loaded"


def check_loss(factory: Factory, *, targets: Targets | None = None, **options: Any) -> None:
    """A finite scalar with a gradient, the same each time, and exactly 0 where the batch has no label of its kind.

    A loss with ``of_targets`` is given those of the batch as those of the training.
    """
    targets = small_targets() if targets is None else targets
    loss: Loss = factory(**options)
    if hasattr(loss, "of_targets"):
        loss = loss.of_targets(targets)

    def outputs() -> Outputs:
        generator = torch.Generator().manual_seed(1)

        def leaf(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator).requires_grad_()

        n = len(targets)
        return Outputs(
            event_frame_logit=leaf(n, GRID.n_frames, len(EVENTS)),
            event_clip_logit=leaf(n, len(EVENTS)),
            scene_logit=leaf(n, len(SCENES)),
            embedding=leaf(n, 8),
        )

    first, second = outputs(), outputs()
    value, again = loss(first, targets), loss(second, targets)
    assert value.ndim == 0 and value.isfinite(), f"a loss must be a finite scalar, got {value}"
    assert value.item() == again.item(), "a loss must be a pure function: the same inputs gave two values"
    _backward(value)
    gradients = _gradients(first)
    assert gradients, "no gradient reaches any output"
    assert all(gradient.isfinite().all() for gradient in gradients), "a label that is not known made a gradient NaN"
    nothing = Targets(clips=targets.clips, events=EVENTS, scenes=SCENES)
    masked = copy.deepcopy(targets)
    for name in ("frame_event", "clip_event", "candidate", "scene"):
        if getattr(masked, name) is not None:
            getattr(masked, f"{name}_known").zero_()
    for unlabelled in (nothing, masked):
        empty = outputs()
        zero = loss(empty, unlabelled)
        assert zero.item() == 0, f"without any label the loss must be 0, is {zero.item()}"
        if zero.requires_grad:
            _backward(zero)
            assert all((g == 0).all() for g in _gradients(empty)), "without any label the gradient must be 0"


def check_refiner(factory: Factory, **options: Any) -> None:
    """Targets for the same clips and vocabularies, from the same inputs always the same, inputs left untouched."""
    refiner: Refiner = factory(**options)
    targets, predictions = small_targets(), small_predictions(small_targets().clips)
    before = copy.deepcopy(targets)
    refined = refiner.refine(targets, predictions)
    assert isinstance(refined, Targets), "refine() must return Targets"
    assert refined.clips == targets.clips, "a refiner keeps the clips and their order"
    assert (refined.events, refined.scenes) == (targets.events, targets.scenes), "a refiner keeps the vocabularies"
    _assert_sound(refined)
    _assert_same(targets, before, "refine() changed its input in place")
    _assert_same(refiner.refine(targets, predictions), refined, "refine() gave two results for one input")
    order = torch.randperm(len(targets.clips), generator=torch.Generator().manual_seed(0))
    shuffled = predictions.isel(clip=order.numpy())
    _assert_same(refiner.refine(targets, shuffled), refined, "predictions must be aligned by clip id, not by place")


def check_frontend(factory: Factory, **options: Any) -> None:
    """Finite features (frame, mel) of the size that it announces, also for silence."""
    frontend: Frontend = factory(**options)
    duration_s = 2.0
    for waveform in (
        torch.randn(2, round(duration_s * frontend.rate_hz), generator=torch.Generator().manual_seed(0)) * 0.1,
        torch.zeros(1, round(duration_s * frontend.rate_hz)),
    ):
        features = frontend.extract(waveform)
        wanted = (frontend.n_frames(duration_s), frontend.n_mels)
        assert tuple(features.shape) == wanted, f"features are {tuple(features.shape)}, announced were {wanted}"
        assert features.dtype == torch.float32 and features.isfinite().all(), "features must be finite float32"


def check_sampler(factory: Factory, *, targets: Targets | None = None, **options: Any) -> None:
    """Indices of clips, the same for the same generator state."""
    targets = small_targets(17) if targets is None else targets
    sampler: Sampler = factory(targets, **options)

    def epoch(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in sampler.batches(torch.Generator().manual_seed(seed))]

    assert epoch(0) == epoch(0), "chance must come from the generator alone"
    chosen = {index for batch in epoch(0) for index in batch}
    assert chosen and chosen <= set(range(len(targets))), "indices must be those of the targets' clips"


def _assert_sound(targets: Targets) -> None:
    for name in ("frame_event", "clip_event"):
        label, known = getattr(targets, name), getattr(targets, f"{name}_known")
        if label is not None:
            values = label[known[:, None, :].expand_as(label)] if label.ndim == 3 else label[known]
            assert ((values >= 0) & (values <= 1)).all(), f"{name} must lie in [0, 1] wherever it is known"
    if targets.scene is not None and targets.scene_known is not None:
        sums = targets.scene[targets.scene_known].float().sum(-1)
        assert torch.allclose(sums, torch.ones_like(sums), atol=1e-4), "scene rows must sum to 1 wherever known"


def _assert_same(one: Targets, other: Targets, otherwise: str) -> None:
    for field in fields(Targets):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, Tensor) and isinstance(right, Tensor):
            same = torch.equal(torch.nan_to_num(left.float(), nan=-1), torch.nan_to_num(right.float(), nan=-1))
        else:
            same = left is right or left == right
        assert same, f"{otherwise} ({field.name})"


def _backward(value: Tensor) -> None:
    value.backward()  # type: ignore[no-untyped-call]


def _gradients(outputs: Outputs) -> list[Tensor]:
    tensors = [getattr(outputs, field.name) for field in fields(outputs)]
    return [tensor.grad for tensor in tensors if tensor is not None and tensor.grad is not None]
