"""Trains small nets alone and in teams of several processes, and writes down what came out; see test_teams.py.

One process imports torch, and all others are forks of it: importing is most of what such a process costs.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing as mp
import os
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from torch import nn

from earmark.builtin import Shuffled
from earmark.experiment import Optimiser, StoppingRef
from earmark.hookspecs import hookimpl
from earmark.outputs import Outputs
from earmark.plugins import PluginManager, plugins
from earmark.protocols import Task
from earmark.stopping import EarlyStopping
from earmark.targets import Targets
from earmark.teams.team import TeamError, joined
from earmark.testing import small_targets
from earmark.testing.small import EVENTS, GRID, SCENES
from earmark.training import WeightedLoss, fit
from earmark.workspace import open_store
from earmark_embedding.models import EmbeddingOfEpisodes, EmbeddingOfTriplets
from earmark_embedding.prototypes import Prototypical
from earmark_embedding.samplers import Episodes, Triplets
from earmark_mtl.losses import SceneCrossEntropy, StrongBce, WeakBce
from earmark_mtl.net import MtlCnnBiGru

N_MELS = 8


class Net(nn.Module):
    """Frames are normalised over the batch; a second branch, which no loss here reads, has an output of its own."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.norm = nn.BatchNorm1d(N_MELS)
        self.dropout = nn.Dropout(dropout)
        self.events = nn.Linear(N_MELS, len(EVENTS))
        self.unread = nn.Linear(N_MELS, 2)
        self.idle = nn.Linear(1, 1)

    def forward(self, features):
        frames = self.dropout(self.norm(features.transpose(1, 2)).transpose(1, 2))
        logit = self.events(frames)
        return Outputs(event_frame_logit=logit, event_clip_logit=logit.amax(1), embedding=self.unread(frames.mean(1)))


class NoShelf(SimpleNamespace):
    def load_state(self):
        return None

    def save_state(self, tensors, facts):
        pass


def trained(
    team,
    model,
    losses,
    *,
    targets=None,
    sampler=None,
    shape=(GRID.n_frames, N_MELS),
    use="sgd",
    lr=0.05,
    n_epochs=3,
    shelf=None,
    hook=None,
    refined=False,
    **options,
):
    torch.manual_seed(5)
    targets = small_targets(7) if targets is None else targets
    model = model().double()
    features = torch.randn(len(targets), *shape, generator=torch.Generator().manual_seed(2)).double()

    @torch.no_grad()
    def by_itself(model):
        frame_event = model.eval()(features).event_frame_logit.sigmoid()
        known = torch.ones_like(targets.frame_event_known)
        return Targets(**{**parts(targets), "frame_event": frame_event, "frame_event_known": known})

    fitted = fit(
        model,
        features,
        by_itself if refined else targets,
        [WeightedLoss(name=f"loss {number}", weight=weight, loss=loss) for number, (weight, loss) in enumerate(losses)],
        sampler or Shuffled(targets, batch_size=3),
        Optimiser(use=use, lr=lr),
        n_epochs,
        stage="test",
        seed=0,
        shelf=shelf or NoShelf(),
        hook=hook or PluginManager().hook,
        team=team,
        **options,
    )
    history = [{name: value for name, value in epoch.items() if name != "wall_s"} for epoch in fitted.history]
    return {"history": history, "best_epoch": fitted.best_epoch}, model.state_dict()


def parts(targets):
    return {name: getattr(targets, name) for name in Targets.__slots__}


EVENT_LOSSES = ((1.0, StrongBce()), (0.5, WeakBce()))


def plain(team, root):
    return trained(team, Net, EVENT_LOSSES, use="adamw", lr=0.01)  # its decay moves whatever has a gradient, were it 0


def one_clip(team, root):
    return trained(team, Net, EVENT_LOSSES, targets=small_targets(1))


def refined_by_its_teacher(team, root):
    return trained(team, Net, EVENT_LOSSES, mean_teacher=0.6, refined=True)


def stopped(team, root):
    judged = []

    def judge(model):
        judged.append(model)
        score = [0.1, 0.9, 0.2, 0.3, 0.4][len(judged) - 1] if team is None or team.leads else float("nan")
        return score if team is None else team.agreed([score])[0]

    rule = StoppingRef(use="frame", score="event_fscore_micro", patience=2)
    return trained(team, Net, EVENT_LOSSES, n_epochs=9, stopping=EarlyStopping(rule, judge))


def joint(team, root):
    def net():
        task = Task(n_frames=GRID.n_frames, n_mels=32, n_events=len(EVENTS), n_scenes=len(SCENES))
        narrow = {"shared_channels": (4, 4, 4), "scene_channels": (4, 4), "gru_units": 4}
        return MtlCnnBiGru(task, dropout=0.0, weak_branch=True, **narrow)

    # Nobody reads the weak branch.
    losses = ((0.1, SceneCrossEntropy()), (1.0, StrongBce()))
    return trained(team, net, losses, shape=(GRID.n_frames, 32), lr=0.5)


def of_classes():
    label = torch.eye(4).repeat(6, 1).bool()
    clips = tuple(f"clip {number}" for number in range(len(label)))
    known = torch.ones_like(label)
    return Targets(clips=clips, events=tuple("abcd"), scenes=(), clip_event=label, clip_event_known=known)


EMBEDDING = {"first_filters": 4, "last_filters": 4, "conv_dropout": 0.0}
BLOCKS = Task(n_frames=40, n_mels=64, n_events=4, n_scenes=0)


def hinge(outputs, targets):
    anchor, positive, negative = outputs.embedding.chunk(3)
    return (1 + (anchor - positive).square().sum(1) - (anchor - negative).square().sum(1)).relu().mean()


def triplets(team, root):
    def net():
        return EmbeddingOfTriplets(BLOCKS, normalise_steps=True, **EMBEDDING)

    targets = of_classes()
    options = {"targets": targets, "sampler": Triplets(targets), "shape": (40, 64), "lr": 1.0}
    return trained(team, net, [(1.0, hinge)], **options)


def episodes(team, root):
    def net():
        return EmbeddingOfEpisodes(BLOCKS, n_support=2, **EMBEDDING)

    targets = of_classes()
    options = {"targets": targets, "sampler": Episodes(targets, n_support=2), "shape": (40, 64)}
    return trained(team, net, [(1.0, Prototypical(n_support=2))], **options)


def dropped(team, root):
    return trained(team, lambda: Net(0.3), EVENT_LOSSES, use="radam")


def resumed(team, root):
    """A training that has been saved after every epoch, gone on with from the last of these states."""
    shelf = open_store(root).run("0" * 24)
    if team is None or team.leads:
        shelf.begin({})
    options = {"use": "radam", "shelf": shelf, "mean_teacher": 0.6, "n_epochs": 4}
    trained(team, lambda: Net(0.3), EVENT_LOSSES, **options)
    went_on = []

    class Seen:
        @hookimpl
        def earmark_stage_started(self, first_epoch):
            went_on.append(first_epoch)

    manager = PluginManager()
    manager.register(Seen(), "seen")
    facts, weights = trained(team, lambda: Net(0.3), EVENT_LOSSES, hook=manager.hook, **options)
    return {**facts, "went_on": went_on}, weights


def undisturbed(team, root):
    return trained(team, lambda: Net(0.3), EVENT_LOSSES, use="radam", mean_teacher=0.6, n_epochs=4)


def taken_over(team, root):
    """One process saves it after every epoch; two go on from the last of these states."""
    shelf = open_store(root).run("1" * 24)
    if team is None:
        shelf.begin({})
    return trained(team, Net, EVENT_LOSSES, use="radam", n_epochs=4, shelf=shelf)


def at_odds(team, root):
    try:
        if team is not None:
            team.check_epoch(team.rank)
    except TeamError as error:
        return {"error": str(error)}, {}
    return {}, {}


IN_THREE = (plain, one_clip, triplets)
IN_TWO = (
    *IN_THREE,
    refined_by_its_teacher,
    stopped,
    joint,
    episodes,
    taken_over,
    dropped,
    dropped,
    resumed,
    undisturbed,
    at_odds,
)


def all_of(rank, size, cases, folder):
    with joined("cpu") as team:
        for number, case in enumerate(cases):
            facts, weights = case(team, folder / "stores")
            again = "-again" if case in cases[:number] else ""
            name = f"{case.__name__}{again}-{rank}-of-{size}"
            save_file({key: value.contiguous() for key, value in weights.items()}, folder / f"{name}.safetensors")
            (folder / f"{name}.json").write_text(json.dumps(facts))
        if team is not None and not team.leads:
            assert not team.told()


class EndsInTheSecondEpoch:
    def __init__(self, end):
        self.end = end

    @hookimpl
    def earmark_epoch_ended(self, epoch):
        if epoch == 1:
            self.end()


def left_alone(rank, size, folder, who, end):
    """One process ends in the second epoch; what the others say of it."""
    manager = PluginManager()
    if rank == who:
        manager.register(EndsInTheSecondEpoch(end), "end")
    try:
        with joined("cpu") as team:
            trained(team, Net, EVENT_LOSSES, hook=manager.hook)
    except TeamError as error:
        (folder / f"left-by-{who}-{rank}.txt").write_text(str(error))


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def in_team(rank, size, port, body, *arguments):
    if size > 1:
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
        values = (rank, rank, size, "127.0.0.1", port)
        os.environ.update(dict(zip(names, map(str, values), strict=True)))
    body(rank, size, *arguments)


def together(size, body, *arguments):
    """Exit codes of the processes of a team."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = mp.get_context("fork")
    processes = [fork.Process(target=in_team, args=(rank, size, port, body, *arguments)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


if __name__ == "__main__":
    # What every process would import by itself.
    plugins()
    importlib.import_module("torch._dynamo")
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    os.environ["EARMARK_SAVE_EVERY_S"] = "-1"
    out = Path(sys.argv[1])
    codes = {
        "alone": together(1, all_of, [case for case in IN_TWO if case is not resumed], out),
        "in two": together(2, all_of, IN_TWO, out),
        "in three": together(3, all_of, IN_THREE, out),
    }
    codes["left by 0"] = together(2, left_alone, out, 0, sys.exit)
    codes["left by 1"] = together(2, left_alone, out, 1, killed)
    (out / "codes.json").write_text(json.dumps(codes))
