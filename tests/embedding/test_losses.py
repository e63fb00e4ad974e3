from __future__ import annotations

import math

import pytest
import torch

from earmark.errors import ExperimentError, OptionError
from earmark.outputs import Outputs
from earmark.plugins import PluginManager
from earmark.protocols import Task
from earmark.testing import check_loss
from earmark_embedding import plugin
from earmark_embedding.models import Embedding, EmbeddingOfEpisodes, EmbeddingOfTriplets
from earmark_embedding.prototypes import Prototypical, prototypical_logits
from earmark_embedding.samplers import Episodes
from earmark_embedding.triplet import Triplet

TASK = Task(n_frames=20, n_mels=64, n_events=4, n_scenes=0)


def loss_of(loss, rows, targets):
    return loss(Outputs(embedding=torch.tensor(rows)), targets).item()


def test_the_plugin_gives_what_experiments_name():
    manager = PluginManager()
    manager.register(plugin, "embedding")
    assert manager.names("loss") == ["prototypical", "triplet"]
    assert manager.names("sampler") == ["balanced", "episodes", "triplets"]
    assert manager.build("loss", "triplet", {"margin": 0.5}, "here") == Triplet(margin=0.5, squared=True, swap=False)
    model = manager.build("model", "embedding-of-triplets", {"normalise_steps": True}, "here", TASK)
    assert isinstance(model, EmbeddingOfTriplets)


@pytest.mark.parametrize("options", [{}, {"squared": False, "swap": True, "margin": 1.0}])
def test_triplet_keeps_the_contract_of_losses(options):
    check_loss(Triplet, **options)


def test_prototypical_keeps_the_contract_of_losses():
    check_loss(Prototypical, n_support=2)


@pytest.mark.parametrize(
    ("negative", "expected"),
    [(3.0, 0.0), (math.sqrt(1.2), 0.0), (1.0, 0.2), (0.5, 0.95)],  # max(0, 1 - n ** 2 + 0.2)
)
def test_the_loss_is_0_once_the_squared_distance_to_the_negative_is_larger_by_the_margin(
    negative, expected, make_targets
):
    rows = [[0.0, 0.0], [0.0, 1.0], [negative, 0.0]]
    assert loss_of(Triplet(), rows, make_targets([0, 0, 1])) == pytest.approx(expected, abs=1e-6)


def test_plain_distances_are_not_squared_and_swap_takes_the_nearer_negative(make_targets):
    rows, targets = [[0.0, 0.0], [0.0, 2.0], [0.0, 2.5]], make_targets([0, 0, 1])
    assert loss_of(Triplet(margin=1.0, squared=False), rows, targets) == pytest.approx(0.5)  # 2 - 2.5 + 1
    assert loss_of(Triplet(margin=1.0, squared=False, swap=True), rows, targets) == pytest.approx(2.5)  # 2 - 0.5 + 1
    assert loss_of(Triplet(margin=1.0, swap=True), rows, targets) == pytest.approx(4.75)  # 4 - 0.25 + 1


def test_triplets_without_a_loss_count_in_the_mean(make_targets):
    rows = [[0.0], [0.0], [1.0], [0.0], [1.0], [9.0]]  # losses 1 - 1 + 0.2, and 0
    assert loss_of(Triplet(), rows, make_targets([0, 0, 0, 0, 1, 1])) == pytest.approx(0.1)


def test_many_triplets_have_the_loss_of_the_formula(make_targets):
    embedding = torch.randn(60, 130, generator=torch.Generator().manual_seed(0)) / 11
    a, p, n = embedding.chunk(3)
    expected = ((a - p).square().sum(1) - (a - n).square().sum(1) + 0.2).clamp(min=0).mean()
    loss = Triplet()(Outputs(embedding=embedding), make_targets([0] * 60))
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)


def test_no_gradient_reaches_positives_and_negatives_of_the_published_model(make_targets):
    features = torch.randn(6, 20, 64, generator=torch.Generator().manual_seed(0))
    reached = {}
    for factory in (EmbeddingOfTriplets, Embedding):
        torch.manual_seed(0)
        model = factory(TASK, normalise_steps=True).train()
        given = features.clone().requires_grad_()
        Triplet(margin=5.0)(model(given), make_targets([0, 1, 0, 1, 1, 0])).backward()
        reached[factory] = [bool(row.abs().sum() > 0) for row in given.grad]
    assert reached == {EmbeddingOfTriplets: [True] * 2 + [False] * 4, Embedding: [True] * 6}


def test_anchors_alone_have_dropout():
    features = torch.randn(1, 20, 64, generator=torch.Generator().manual_seed(0)).expand(6, 20, 64)
    embedding = EmbeddingOfTriplets(TASK).train()(features).embedding
    torch.testing.assert_close(embedding[2:], embedding[2:3].expand(4, -1))
    assert (embedding[0] - embedding[1]).abs().max() > 1e-3


def test_queries_alone_have_dropout_and_all_have_a_gradient():
    features = torch.randn(1, 20, 64, generator=torch.Generator().manual_seed(0)).expand(8, 20, 64).clone()
    features.requires_grad_()
    embedding = EmbeddingOfEpisodes(TASK, n_support=1, n_query=3).train()(features).embedding
    torch.testing.assert_close(embedding[:2], embedding[:1].expand(2, -1))
    assert (embedding[2] - embedding[3]).abs().max() > 1e-3
    embedding.sum().backward()
    assert (features.grad.abs().sum(dim=(1, 2)) > 0).all()


def test_a_prototype_is_the_mean_of_its_supports_and_posteriors_a_softmax_of_minus_squared_distances():
    supports = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[2.0, 0.0], [4.0, 2.0]]])  # prototypes (1, 0) and (4, 1)
    logit = prototypical_logits(supports, torch.tensor([[1.0, 1.0]]))
    torch.testing.assert_close(logit, torch.tensor([[-1.0, -9.0]]))


def test_an_embedding_that_separates_classes_has_an_episode_accuracy_of_1(make_targets):
    classes = [0, 1, 2, 3] * 8
    perfect = 20 * torch.eye(4)[torch.tensor(classes)]
    for episode in Episodes(make_targets(classes), n_support=2, n_query=2).batches(torch.Generator().manual_seed(0)):
        embedding = perfect[episode]
        logit = prototypical_logits(embedding[:8].reshape(2, 4, 4), embedding[8:])
        assert logit.argmax(dim=1).tolist() == [0, 1, 2, 3] * 2
        loss = Prototypical(n_support=2, n_query=2)(
            Outputs(embedding=embedding), make_targets([classes[i] for i in episode])
        )
        assert loss.item() == 0


def test_an_embedding_that_says_nothing_costs_the_logarithm_of_the_number_of_classes(make_targets):
    loss = loss_of(Prototypical(), [[1.0, 2.0]] * 8, make_targets([0, 1, 2, 3] * 2))
    assert loss == pytest.approx(math.log(4))


def test_a_batch_that_is_of_another_form_is_refused(make_targets):
    ten = Outputs(embedding=torch.zeros(10, 2))
    with pytest.raises(ExperimentError, match=r"'triplet' got a batch of 10 clips.*sampler = \"triplets\""):
        Triplet()(ten, make_targets([0] * 10))
    with pytest.raises(ExperimentError, match=r"no episode of 2 supports and 1 queries.*same n_support and n_query"):
        Prototypical(n_support=2)(ten, make_targets([0] * 10))
    for loss, name in ((Triplet(), "triplet"), (Prototypical(), "prototypical")):
        with pytest.raises(ExperimentError, match=f"The loss '{name}' needs the output embedding"):
            loss(Outputs(), make_targets([0]))


@pytest.mark.parametrize("margin", [-0.1, math.inf, math.nan])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(OptionError, match="must be a number of at least 0"):
        Triplet(margin=margin)


def test_an_episode_of_nothing_is_refused():
    with pytest.raises(OptionError, match="n_support = 0 and n_query = 1 must be at least 1"):
        Prototypical(n_support=0)
