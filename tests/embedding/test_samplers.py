from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from earmark.errors import OptionError, TargetsError
from earmark.protocols import Sampler
from earmark_embedding.samplers import Balanced, Episodes, Triplets

# 12 clips of each of four classes, in no order.
CLASSES = torch.randperm(48, generator=torch.Generator().manual_seed(7)).remainder(4).tolist()
FACTORIES = (Balanced, Triplets, Episodes)


def epoch(sampler, seed=0):
    return [batch.tolist() for batch in sampler.batches(torch.Generator().manual_seed(seed))]


def classes_in(batches):
    return torch.tensor(CLASSES)[torch.tensor(batches)]


@pytest.mark.parametrize("factory", FACTORIES)
def test_chance_comes_from_the_generator_alone(factory, make_targets):
    sampler = factory(make_targets(CLASSES))
    assert isinstance(sampler, Sampler)
    assert epoch(sampler, 1) == epoch(sampler, 1) != epoch(sampler, 2)


def test_a_balanced_batch_has_one_clip_of_each_class_and_an_epoch_every_clip_once(make_targets):
    batches = epoch(Balanced(make_targets(CLASSES)))
    assert len(batches) == 12
    assert sorted(index for batch in batches for index in batch) == list(range(48))
    assert (classes_in(batches) == torch.arange(4)).all()


def test_no_triplet_pairs_an_anchor_with_its_own_class_as_negative_or_with_itself_as_positive(make_targets):
    sampler = Triplets(make_targets(CLASSES))
    for seed in range(50):
        batches = epoch(sampler, seed)
        anchor, positive, negative = classes_in(batches).reshape(12, 3, 4).unbind(1)
        assert (anchor == torch.arange(4)).all()
        assert (positive == anchor).all()
        assert (negative != anchor).all()
        places = torch.tensor(batches).reshape(12, 3, 4)
        assert (places[:, 0] != places[:, 1]).all()
        assert sorted(places[:, 0].flatten().tolist()) == list(range(48))  # every clip an anchor once


def test_every_other_clip_of_the_class_is_as_likely_a_positive_and_every_clip_of_the_others_a_negative(make_targets):
    sampler = Triplets(make_targets([0, 0, 0, 1, 1, 2, 2, 2, 2], n_events=3))
    found = torch.tensor([batch for seed in range(600) for batch in epoch(sampler, seed)]).reshape(-1, 3, 3)
    of_clip_0 = found[found[:, 0, 0] == 0][:, :, 0]
    positives, negatives = (of_clip_0[:, column].bincount(minlength=9) / len(of_clip_0) for column in (1, 2))
    assert positives.tolist() == pytest.approx([0, 1 / 2, 1 / 2, 0, 0, 0, 0, 0, 0], abs=0.06)
    assert negatives.tolist() == pytest.approx([0, 0, 0, *[1 / 6] * 6], abs=0.06)


@pytest.mark.parametrize(("n_support", "n_query", "n_episodes"), [(1, 1, 6), (5, 5, 1), (2, 1, 4), (1, 4, 2)])
def test_a_querys_own_class_is_always_among_the_prototypes_at_its_own_index(
    n_support, n_query, n_episodes, make_targets
):
    batches = epoch(Episodes(make_targets(CLASSES), n_support=n_support, n_query=n_query))
    assert len(batches) == n_episodes
    rounds = classes_in(batches).reshape(n_episodes, n_support + n_query, 4)
    assert (rounds == torch.arange(4)).all()
    taken = [index for batch in batches for index in batch]
    assert len(set(taken)) == len(taken)


def test_in_the_released_layout_no_query_has_its_own_class_among_the_prototypes(make_targets):
    sampler = Episodes(make_targets(CLASSES), layout="released")
    halves = [classes_in(epoch(sampler, seed)).reshape(6, 2, 4) for seed in range(20)]
    for supports, queries in torch.cat(halves):
        assert supports.tolist() == [supports[0], supports[0], supports[2], supports[2]]
        assert not set(supports.tolist()) & set(queries.tolist())
    assert len({tuple(half[0, 0].tolist()) for half in halves}) > 5  # classes in random order


@pytest.mark.parametrize("factory", FACTORIES)
def test_an_epoch_lasts_as_long_as_the_smallest_class_and_takes_others_of_the_larger_ones_each_time(
    factory, make_targets
):
    sampler = factory(make_targets([0] * 40 + [1] * 4, n_events=2))
    assert len(epoch(sampler)) == (2 if factory is Episodes else 4)
    assert len({index for seed in range(60) for batch in epoch(sampler, seed) for index in batch}) == 44


@pytest.mark.parametrize("factory", FACTORIES)
def test_clips_of_no_or_several_classes_are_refused(factory, make_targets):
    targets = make_targets([0, 0, 1, 1, 2, 2, 3, 3])
    name = factory.__name__.lower()
    targets.clip_event[2, 3] = True
    with pytest.raises(TargetsError, match=f"'{name}' takes clips of one class, but 'clip 2' has 2 known events"):
        factory(targets)
    targets.clip_event_known[2] = False
    with pytest.raises(TargetsError, match=f"'{name}' takes clips of one class, but 'clip 2' has 0 known events"):
        factory(targets)
    with pytest.raises(TargetsError, match=f"'{name}' needs weak labels.*label source \"weak\""):
        factory(replace(targets, clip_event=None, clip_event_known=None))


@pytest.mark.parametrize(("factory", "at_least"), [(Balanced, 1), (Triplets, 2), (Episodes, 2)])
def test_a_class_with_too_few_clips_is_named(factory, at_least, make_targets):
    with pytest.raises(TargetsError, match=rf"at least {at_least} training clips of each class; 'speech' has 0\."):
        factory(make_targets([0, 0, 1, 1, 2, 2]))


def test_a_negative_needs_another_class(make_targets):
    with pytest.raises(TargetsError, match="'triplets' needs at least 2 classes"):
        Triplets(make_targets([0, 0], n_events=1))


def test_an_episode_without_queries_is_refused(make_targets):
    with pytest.raises(OptionError, match="n_support = 1 and n_query = 0 must be at least 1"):
        Episodes(make_targets(CLASSES), n_query=0)
