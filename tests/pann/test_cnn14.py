from __future__ import annotations

import numpy as np
import pytest
import torch
from regenerated import golden_signal, regenerated

from earmark.errors import OptionError
from earmark.plugins import plugins
from earmark.protocols import Task
from earmark.testing import check_model, check_options
from earmark_pann.cnn14 import Cnn14, fuse
from earmark_pann.models import Cnn14Tagger, TaggerScene

NARROW = (4, 4, 8, 8, 8, 16)

GOLDEN = {
    16_000: {
        "blocks": [
            (0.664056, 1.163484), (0.878366, 1.453897), (1.003954, 1.556266),
            (1.041655, 1.584402), (1.018612, 1.467317), (0.810821, 1.473118),
        ],
        "embedding": (3371.4438, 1033, {1: 0.82808, 4: 0.15046, 6: 1.34258, 7: 4.67279, 9: 0.19430, 10: 2.49378}),
        "logits": [0.43663, -0.85557, 2.31423, 1.43410, -1.08352, 0.10868],
        "probabilities": [0.607456, 0.298265, 0.910049, 0.807540, 0.252840, 0.527143],
        "largest": (0.993142, 510),
        "sum": 268.76895,
    },
    32_000: {
        "blocks": [
            (0.625116, 1.063684), (0.782006, 1.264585), (0.887287, 1.349532),
            (0.876389, 1.306797), (0.840652, 1.198423), (0.663427, 1.199630),
        ],
        "embedding": (2802.0098, 1032, {2: 0.37298, 4: 0.47684, 6: 0.96175, 7: 4.14704, 8: 2.10586, 10: 1.81192}),
        "logits": [0.47052, -0.51054, 1.54855, 1.86030, -1.42605, 0.58541],
        "probabilities": [0.615506, 0.375067, 0.824705, 0.865332, 0.193714, 0.642312],
        "largest": (0.992461, 510),
        "sum": 266.98529,
    },
}  # fmt: skip
"""Of the reference implementation with the regenerated weights, for the golden signal."""


def features_of(rate_hz: int) -> torch.Tensor:
    frontend = plugins().build("frontend", "log-mel-pann", {"rate_hz": rate_hz}, "test")
    return frontend.extract(golden_signal(rate_hz))[None]


def test_weights_are_regenerated_as_published(full_weights):
    expected = {
        "bn0.weight": [0.9693707, 0.8230491, 1.1844386],
        "bn0.running_mean": [-20.2301083, -27.5483074],
        "conv_block1.conv1.weight": [0.4721821, -0.4923132, -0.2691453],
        "conv_block3.bn2.running_var": [0.6845049, 0.6726711],
        "fc1.weight": [-0.0039800, 0.0209926],
        "fc_audioset.bias": [-0.4186763, -0.9153845, 0.8353159],
    }
    for key, first in expected.items():
        np.testing.assert_allclose(full_weights[key].flatten()[: len(first)], first, atol=1e-6, err_msg=key)


@torch.inference_mode()
def test_the_full_net_gives_the_numbers_of_the_reference_at_both_rates(full_weights):
    with torch.device("meta"):
        net = Cnn14(527)
    net.load_state_dict(full_weights, assign=True)
    net.eval()
    assert sum(p.numel() for p in net.parameters()) == 80_753_615
    seen: list[torch.Tensor] = []
    hooks = [block.register_forward_hook(lambda *given: seen.append(given[-1])) for block in net.blocks()]
    for rate_hz, golden in GOLDEN.items():
        seen.clear()
        logits, embedding = net(features_of(rate_hz))
        for index, (mean, rms) in enumerate(golden["blocks"]):
            block = seen[index] if index == 5 else torch.nn.functional.avg_pool2d(seen[index], 2)
            assert block.mean().item() == pytest.approx(mean, abs=2e-4)
            assert block.square().mean().sqrt().item() == pytest.approx(rms, abs=2e-4)
        total, n_positive, at = golden["embedding"]
        assert embedding.sum().item() == pytest.approx(total, abs=0.05)
        assert abs(int((embedding > 0).sum()) - n_positive) <= 1
        np.testing.assert_allclose(embedding[0, list(at)], list(at.values()), atol=1e-3)
        np.testing.assert_allclose(logits[0, :6], golden["logits"], atol=1e-3)
        np.testing.assert_allclose(logits[0, :6].sigmoid(), golden["probabilities"], atol=1e-4)
        probability, event = logits[0].sigmoid().max(0)
        assert (probability.item(), event.item()) == (pytest.approx(golden["largest"][0], abs=1e-4), 510)
        assert logits.sigmoid().sum().item() == pytest.approx(golden["sum"], abs=0.01)
    for hook in hooks:
        hook.remove()
    fuse(net)
    folded, _ = net(features_of(32_000))
    np.testing.assert_allclose(folded.sigmoid(), logits.sigmoid(), atol=1e-5)


def test_a_clip_needs_32_frames():
    net = Cnn14(3, channels=NARROW).eval()
    assert net(torch.zeros(1, 32, 64))[0].shape == (1, 3)
    with pytest.raises(OptionError, match="cnn14 halves frames and mel bands five times.*there are 31 frames"):
        Cnn14Tagger(Task(n_frames=31, n_mels=64, n_events=3, n_scenes=0))


def test_only_the_returned_embedding_loses_a_half_in_training():
    net = Cnn14(3, channels=NARROW)
    net.embedded = lambda features: torch.ones(len(features), 16)
    logits, embedding = net(torch.zeros(64, 100, 64))
    assert torch.equal(logits[0], logits[-1])
    assert set(embedding.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize(
    ("factory", "options"),
    [
        (Cnn14Tagger, {}),
        (TaggerScene, {}),
        (TaggerScene, {"frozen": False}),
        (TaggerScene, {"hears": "probabilities", "n_tags": 7}),
    ],
)
def test_models_keep_the_contract_at_any_width(factory, options):
    check_options(factory)
    check_model(factory, channels=NARROW, **options)


def test_a_frozen_tagger_trains_its_new_layer_alone_from_what_is_prepared_once():
    torch.manual_seed(0)
    model = TaggerScene(Task(n_frames=64, n_mels=64, n_events=0, n_scenes=2), channels=NARROW)
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["scene.weight", "scene.bias"]
    features = torch.randn(4, 64, 64)
    model.train()
    prepared = model.prepared(features)
    assert prepared.shape == (4, 16)
    assert torch.equal(model(prepared).scene_logit, model(features).scene_logit)
    assert model.bn0.running_mean.abs().sum() == 0
    tuned = TaggerScene(Task(n_frames=64, n_mels=64, n_events=0, n_scenes=2), channels=NARROW, frozen=False)
    assert not hasattr(tuned, "prepared")


def test_the_taggers_weights_are_taken_over_by_name():
    from earmark.training import take_over

    tagger = Cnn14Tagger(Task(n_frames=64, n_mels=64, n_events=7, n_scenes=0), channels=NARROW)
    scene = TaggerScene(Task(n_frames=64, n_mels=64, n_events=0, n_scenes=2), channels=NARROW, n_tags=7)
    taken, left = take_over(scene, tagger.state_dict())
    assert set(taken) == set(tagger.state_dict())
    assert left == ["scene.bias", "scene.weight"]


def test_seeds_of_weights_come_from_their_names():
    assert regenerated("bn0.weight", (64,))[0].item() == pytest.approx(0.9693707)
    assert regenerated("conv_block1.conv1.weight", (64, 1, 3, 3)).mean(dim=(1, 2, 3)).abs().max() < 1e-7


def test_a_tagger_without_events_is_refused():
    with pytest.raises(OptionError, match="cnn14 names events, but there are none. Choose labels or a corpus"):
        Cnn14Tagger(Task(n_frames=64, n_mels=64, n_events=0, n_scenes=2))
