from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from earmark.averaging import MeanTeacher
from earmark.builtin import Shuffled
from earmark.experiment import Optimiser
from earmark.hookspecs import hookimpl
from earmark.outputs import Outputs
from earmark.plugins import PluginManager
from earmark.predicting import predict
from earmark.testing import small_targets
from earmark.testing.small import EVENTS, GRID
from earmark.training import OPTIMISERS, TrainingError, WeightedLoss, fit, take_over
from earmark.workspace import open_store


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.3)
        self.events = nn.Linear(8, len(EVENTS))

    def forward(self, features):
        frames = self.dropout(self.norm(features.transpose(1, 2)).transpose(1, 2))
        return Outputs(event_frame_logit=self.events(frames))


def squared(outputs, targets):
    label = torch.nan_to_num(targets.frame_event)
    return (outputs.event_frame_logit - label).square().mean()


class Shelf(SimpleNamespace):
    """Keeps the last state as a file would: copied, so that later steps cannot change it."""

    def load_state(self):
        return getattr(self, "state", None)

    def save_state(self, tensors, facts):
        self.state = ({name: tensor.clone() for name, tensor in tensors.items()}, json.loads(json.dumps(facts)))


class Killed(BaseException):
    pass


class Assassin:
    def __init__(self, epoch):
        self.epoch = epoch

    @hookimpl
    def earmark_epoch_ended(self, epoch):
        if epoch == self.epoch:
            raise Killed


def train(
    shelf,
    use="radam",
    n_epochs=6,
    kill_after=None,
    loss=squared,
    seed=0,
    mean_teacher=None,
    by_itself=None,
    batch_size=3,
):
    torch.manual_seed(1)
    model = Net()
    torch.manual_seed(kill_after or 0)  # what was drawn elsewhere must not matter
    manager = PluginManager()
    if kill_after is not None:
        manager.register(Assassin(kill_after), "assassin")
    targets = small_targets(7)
    features = torch.randn(7, GRID.n_frames, 8, generator=torch.Generator().manual_seed(2))
    fitted = fit(
        model,
        features,
        targets if by_itself is None else lambda model: by_itself(model, features, targets),
        [WeightedLoss(name="squared", weight=0.5, loss=loss)],
        Shuffled(targets, batch_size=batch_size),
        Optimiser(use=use, lr=0.01),
        n_epochs,
        mean_teacher=mean_teacher,
        stage="test",
        seed=seed,
        shelf=shelf,
        hook=manager.hook,
    )
    return model, fitted


@pytest.mark.parametrize("use", sorted(OPTIMISERS))
def test_a_training_killed_in_any_epoch_goes_on_to_the_same_bits(use, monkeypatch):
    monkeypatch.setattr("earmark.training.SAVE_EVERY_S", -1.0)
    undisturbed, fitted = train(Shelf(), use)
    for epoch in (0, 2, 5):
        shelf = Shelf()
        with pytest.raises(Killed):
            train(shelf, use, kill_after=epoch)
        resumed, again = train(shelf, use)
        for name, tensor in undisturbed.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name]), f"{name} differs after a kill in epoch {epoch}"
        assert [row["total"] for row in again.history] == [row["total"] for row in fitted.history]


@torch.no_grad()
def its_posteriors(model, features, targets):
    label = model.eval()(features).event_frame_logit.sigmoid()
    return replace(targets, frame_event=torch.where(targets.frame_event.isnan(), label, targets.frame_event))


@pytest.mark.parametrize(("mean_teacher", "by_itself"), [(None, its_posteriors), (0.8, its_posteriors), (0.8, None)])
def test_a_training_refined_by_itself_goes_on_to_the_same_bits(mean_teacher, by_itself, monkeypatch, tmp_path):
    monkeypatch.setattr("earmark.training.SAVE_EVERY_S", -1.0)
    way = {"mean_teacher": mean_teacher, "by_itself": by_itself}
    undisturbed, fitted = train(Shelf(), **way)
    assert not torch.equal(undisturbed.events.weight, train(Shelf())[0].events.weight)  # it does something
    for epoch in (0, 2, 5):
        shelf = open_store(tmp_path).run(f"{epoch:024x}")
        shelf.begin({})
        with pytest.raises(Killed):
            train(shelf, kill_after=epoch, **way)
        resumed, again = train(shelf, **way)
        for name, tensor in undisturbed.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name]), f"{name} differs after a kill in epoch {epoch}"
        assert [row["total"] for row in again.history] == [row["total"] for row in fitted.history]


def test_labels_are_made_anew_before_each_epoch_by_the_model_as_it_is():
    seen = []

    def by_itself(model, features, targets):
        seen.append(model.events.weight.detach().clone())
        model.eval()  # as predicting leaves it
        return targets

    model, fitted = train(Shelf(), n_epochs=3, by_itself=by_itself)
    plain, of_plain = train(Shelf(), n_epochs=3)
    assert len(seen) == 3
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[2], train(Shelf(), n_epochs=2)[0].events.weight)
    assert torch.equal(model.events.weight, plain.events.weight)  # labels that stay the same change nothing
    assert [row["total"] for row in fitted.history] == [row["total"] for row in of_plain.history]


def test_a_mean_teacher_labels_and_is_kept_in_the_place_of_the_trained_weights():
    labelling = []

    def by_itself(model, features, targets):
        labelling.append(model.events.weight.clone())
        return targets

    torch.manual_seed(1)
    start = Net()
    options = {"n_epochs": 1, "batch_size": 7}  # one step an epoch
    trained, _ = train(Shelf(), **options)
    averaged, _ = train(Shelf(), mean_teacher=0.9, by_itself=by_itself, **options)
    assert torch.equal(labelling[0], start.events.weight)
    halfway = (start.events.weight + trained.events.weight) / 2  # the first step gives the plain average
    assert torch.allclose(averaged.events.weight, halfway, atol=1e-7)
    assert torch.allclose(averaged.norm.running_mean, trained.norm.running_mean / 2, atol=1e-7)  # it starts at 0
    assert averaged.norm.num_batches_tracked == 1


def test_an_average_is_plain_over_its_first_steps_and_exponential_after():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    teacher = MeanTeacher(model, decay=0.75)
    found = []
    for value in (1.0, 2.0, 3.0, 9.0):
        nn.init.constant_(model.weight, value)
        teacher.follow(model)
        found.append(teacher.model.weight.item())
    # Means of 0, 1; 0, 1, 2; 0, 1, 2, 3; then 0.75 * 1.5 + 0.25 * 9.
    assert found == pytest.approx([0.5, 1.0, 1.5, 3.375])
    assert not teacher.model.weight.requires_grad


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    (one, _), (same, _), (other, _) = train(Shelf()), train(Shelf()), train(Shelf(), seed=1)
    assert torch.equal(one.events.weight, same.events.weight)
    assert not torch.equal(one.events.weight, other.events.weight)


def test_training_lowers_the_loss_and_counts_weights_in_the_total():
    _, fitted = train(Shelf(), n_epochs=12)
    first, last = fitted.history[0], fitted.history[-1]
    assert last["squared"] < first["squared"]
    assert first["total"] == pytest.approx(0.5 * first["squared"])


def test_a_loss_that_is_not_finite_stops_with_the_epoch_and_the_way_out():
    with pytest.raises(TrainingError, match=r"test, seed 0: the loss is nan in epoch 1. Lower the learning rate"):
        train(Shelf(), loss=lambda outputs, targets: outputs.event_frame_logit.sum() * float("nan"))


def test_predictions_name_their_clips_frames_and_events_and_lie_in_0_1():
    model, _ = train(Shelf(), n_epochs=1)
    features = torch.randn(5, GRID.n_frames, 8)
    clips = [f"clip {number}" for number in range(5)]
    predicted = predict(model, features, clips, EVENTS, ["home"], GRID.hop_s, batch_size=2)
    posterior = predicted["event_frame_posterior"]
    assert posterior.dims == ("clip", "frame", "event")
    assert posterior["clip"].values.tolist() == clips
    assert float(posterior["frame"][50]) == 1.0  # 50 frames of 20 ms
    assert 0 <= float(posterior.min()) <= float(posterior.max()) <= 1
    assert "scene" not in predicted.dims


def test_a_batch_never_holds_one_clip_alone_unless_there_is_only_one():
    sampler = Shuffled(small_targets(7), batch_size=3)
    sizes = [len(batch) for batch in sampler.batches(torch.Generator().manual_seed(0))]
    assert sizes == [3, 4]
    single = Shuffled(small_targets(1), batch_size=3)
    assert [len(batch) for batch in single.batches(torch.Generator().manual_seed(0))] == [1]


def test_weights_are_taken_over_by_name_and_shape_alone():
    model = Net()
    before = model.events.bias.clone()
    donor = {"events.weight": torch.ones(3, 8), "events.bias": torch.ones(4), "elsewhere": torch.ones(1)}
    taken, left = take_over(model, donor)
    assert taken == ["events.weight"]
    assert "events.bias" in left
    assert torch.equal(model.events.bias, before)
    assert torch.equal(model.events.weight, torch.ones(3, 8))
