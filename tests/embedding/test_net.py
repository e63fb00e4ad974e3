from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from earmark.errors import ExperimentError, OptionError
from earmark.protocols import Task
from earmark.testing import check_model
from earmark_embedding.classifiers import EmbeddingClassifier, EmbeddingHead, Head
from earmark_embedding.dropout import dropped
from earmark_embedding.models import Embedding, EmbeddingOfEpisodes, EmbeddingOfTriplets
from earmark_embedding.net import EmbeddingNet, pools

MODELS = (Embedding, EmbeddingOfTriplets, EmbeddingOfEpisodes, EmbeddingClassifier, EmbeddingHead)


def task_of(n_frames=20, n_mels=64):
    return Task(n_frames=n_frames, n_mels=n_mels, n_events=10, n_scenes=0)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def features_of(n_clips, n_frames=20):
    return torch.randn(n_clips, n_frames, 64, generator=torch.Generator().manual_seed(0))


class PlainNet(nn.Sequential):
    """The network as its table of layers reads: blocks (block, 1, 20, 64) to vectors (block, step, dim)."""

    def __init__(self):
        layers = []
        for n_in, n_out, pool in ((1, 16, (2, 2)), (16, 16, (2, 2)), (16, 32, (1, 4)), (32, 65, (1, 2))):
            layers += [nn.Conv2d(n_in, n_out, 3, 1, 1), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.MaxPool2d(pool)]
        super().__init__(*layers)


def test_the_networks_have_25905_and_4522_parameters_and_30427_together():
    assert count(EmbeddingNet(task_of())) == 25_905
    assert count(Head(130, 10, n_layers=1, dropout=0.2)) == 4_522
    assert count(EmbeddingClassifier(task_of())) == 30_427


@pytest.mark.parametrize("n_frames", [20, 100, 1000])
def test_segments_of_all_lengths_have_130_dimensions(n_frames):
    net = EmbeddingNet(task_of(n_frames))
    assert net(features_of(2, n_frames), dropout=False).shape == (2, 130)


@pytest.mark.parametrize("normalise_steps", [False, True])
def test_it_computes_what_the_table_of_layers_says(normalise_steps):
    net, plain = EmbeddingNet(task_of(100), normalise_steps=normalise_steps), PlainNet().eval()
    convs = [layer for layer in plain if isinstance(layer, nn.Conv2d)]
    for own, other in zip(net.convs, convs, strict=True):
        other.load_state_dict(own.state_dict())
    features = features_of(3, 100)
    maps = plain(features.reshape(15, 1, 20, 64))
    assert maps.shape == (15, 65, 5, 2)
    vectors = maps.permute(0, 2, 3, 1).reshape(15, 5, 130)  # dimension 65 mel + channel
    if normalise_steps:
        vectors = vectors / vectors.norm(dim=2, keepdim=True)
    expected = vectors.mean(dim=1).reshape(3, 5, 130).mean(dim=1)
    torch.testing.assert_close(net(features, dropout=False), expected, atol=1e-5, rtol=1e-4)


def test_the_embedding_of_a_second_is_the_mean_of_its_five_blocks():
    net = EmbeddingNet(task_of(100))
    features = features_of(2, 100)
    blocks = [net(features[:, first : first + 20], dropout=False) for first in range(0, 100, 20)]
    torch.testing.assert_close(net(features, dropout=False), torch.stack(blocks).mean(dim=0), atol=1e-6, rtol=1e-5)


def test_normalised_steps_make_an_embedding_not_longer_than_1():
    embedding = EmbeddingNet(task_of(100), normalise_steps=True)(features_of(8, 100), dropout=False)
    assert (embedding.norm(dim=1) < 1).all()
    assert (embedding.norm(dim=1) > 0.8).all()


def test_dropout_before_pooling_and_leaky_relu_is_dropout_between_them():
    x = torch.randn(50, 8, 10, 16, generator=torch.Generator().manual_seed(0))
    scale = (torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) > 0.2) / 0.8
    published = F.max_pool2d(F.leaky_relu(x, 0.2) * scale, (2, 2))
    torch.testing.assert_close(F.leaky_relu(F.max_pool2d(x * scale, (2, 2)), 0.2), published)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_fifth_of_all_elements_is_dropped_and_the_rest_raised_by_a_quarter(memory_format):
    x = (1 + torch.rand(100, 16, 20, 32)).contiguous(memory_format=memory_format).requires_grad_()
    torch.manual_seed(0)
    after = dropped(x, 0.2)
    zero = after == 0
    assert zero.float().mean().item() == pytest.approx(0.2, abs=0.002)
    assert zero.float().mean(dim=(0, 2, 3)).sub(0.2).abs().max() < 0.01
    torch.testing.assert_close(after[~zero], x[~zero] / 0.8, atol=0, rtol=1e-4)
    after.sum().backward()
    torch.testing.assert_close(x.grad, (~zero) / 0.8, atol=0, rtol=1e-4)
    torch.manual_seed(0)
    assert torch.equal(dropped(x, 0.2), after)
    assert torch.equal(dropped(x, 0.0), x)


@pytest.mark.parametrize("factory", MODELS[:4])
def test_models_keep_their_contract(factory):
    options = {"n_query": 2} if factory is EmbeddingOfEpisodes else {}
    check_model(factory, task=task_of(100), **options)


def test_a_head_trains_itself_alone_and_is_what_it_was_end_to_end():
    whole, frozen = EmbeddingClassifier(task_of()).eval(), EmbeddingHead(task_of()).eval()
    frozen.load_state_dict(whole.state_dict())
    features = features_of(4)
    outputs, again = whole(features), frozen(frozen.prepared(features))
    torch.testing.assert_close(again.event_clip_logit, outputs.event_clip_logit)
    torch.testing.assert_close(again.embedding, outputs.embedding)
    assert sum(p.numel() for p in frozen.parameters() if p.requires_grad) == 4_522


def test_what_a_head_stands_on_has_no_dropout_while_it_is_trained():
    model = EmbeddingHead(task_of()).train()
    features = features_of(4)
    assert torch.equal(model.prepared(features), model.prepared(features))


def test_all_models_hold_the_same_network_under_the_same_names():
    names = {name for name, _ in Embedding(task_of()).named_parameters()}
    assert all(names <= {name for name, _ in factory(task_of()).named_parameters()} for factory in MODELS)


@pytest.mark.parametrize(("n_conv", "mel_bins_left"), [(n_conv, left) for n_conv in (3, 4, 5) for left in (1, 2, 4)])
def test_every_form_of_the_network_has_its_mel_bands_and_five_steps(n_conv, mel_bins_left):
    net = EmbeddingNet(task_of(), n_conv=n_conv, last_filters=20, mel_bins_left=mel_bins_left)
    assert net(features_of(2), dropout=True).shape == (2, 20 * mel_bins_left)
    assert net._steps(features_of(2)[:, None], False).shape == (2, 5, 20 * mel_bins_left)
    assert [conv.out_channels for conv in net.convs] == {3: [16, 16, 20], 4: [16, 16, 32, 20], 5: [16, 16, 32, 32, 20]}[
        n_conv
    ]
    assert all(factor in (1, 2, 4) for _, factor in pools(n_conv, mel_bins_left))


def test_two_hidden_layers_have_32_and_16_units():
    assert [layer.out_features for layer in Head(130, 10, n_layers=2, dropout=0) if isinstance(layer, nn.Linear)] == [
        32,
        16,
        10,
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_conv": 6}, "n_conv = 6 must be 3, 4 or 5"),
        ({"mel_bins_left": 3}, "mel_bins_left = 3 must be 1, 2 or 4"),
        ({"last_filters": 0}, "first_filters = 16 and last_filters = 0 must be at least 1"),
        ({"conv_dropout": 1.0}, r"conv_dropout = 1 must be in \[0, 1\)"),
        ({"head_dropout": -0.1}, r"head_dropout = -0.1 must be in \[0, 1\)"),
        ({"n_head_layers": 3}, r"n_head_layers = 3 must be 1 \(32 units\) or 2 \(32 and 16\)"),
    ],
)
def test_sizes_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        EmbeddingClassifier(task_of(), **options)


@pytest.mark.parametrize(("n_frames", "n_mels"), [(30, 64), (0, 64), (20, 40)])
def test_features_that_are_no_blocks_are_refused(n_frames, n_mels):
    with pytest.raises(OptionError, match=f"there are {n_frames} frames and {n_mels} bands. Take the front end"):
        Embedding(task_of(n_frames, n_mels))


def test_a_batch_of_another_sampler_is_refused():
    with pytest.raises(ExperimentError, match=r"batch of 10 clips, which are no anchors.*sampler = \"triplets\""):
        EmbeddingOfTriplets(task_of())(features_of(10))
    with pytest.raises(ExperimentError, match=r"no episode of 2 supports and 1 queries.*sampler = \"episodes\""):
        EmbeddingOfEpisodes(task_of(), n_support=2)(features_of(10))
