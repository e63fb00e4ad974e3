from __future__ import annotations

import pytest
import torch

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.targets import Targets
from earmark_mtl.losses import SceneCrossEntropy, SoftSceneCrossEntropy

TEACHER = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.5, 0.5], [1.0, 1.0, 3.0]])


def targets_of(temperature, known=(True, True, True)):
    return Targets(
        clips=("a", "b", "c"),
        events=("car",),
        scenes=("home", "office", "park"),
        scene=(TEACHER / temperature).softmax(-1),
        scene_known=torch.tensor(known),
    )


def student(seed):
    return torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def kullback_leibler(logit, temperature):
    log_p, log_q = ((x / temperature).log_softmax(-1) for x in (TEACHER, logit))
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 5.0])
def test_the_loss_is_the_divergence_from_the_teacher_up_to_its_entropy(temperature):
    loss = SoftSceneCrossEntropy(temperature=temperature)
    p = (TEACHER / temperature).softmax(-1)
    entropy = -(p * p.log()).sum(-1).mean()
    for seed in range(3):
        logit = student(seed)
        value = loss(Outputs(scene_logit=logit), targets_of(temperature))
        divergence = kullback_leibler(logit, temperature)
        torch.testing.assert_close(value - divergence, entropy)
        (found,), (expected,) = torch.autograd.grad(value, logit), torch.autograd.grad(divergence, logit)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 5.0])
def test_no_student_is_better_than_one_with_the_teachers_logits(temperature):
    loss, targets = SoftSceneCrossEntropy(temperature=temperature), targets_of(temperature)
    own = TEACHER.clone().requires_grad_()
    best = loss(Outputs(scene_logit=own), targets)
    (gradient,) = torch.autograd.grad(best, own)
    torch.testing.assert_close(gradient, torch.zeros(3, 3))
    assert all(loss(Outputs(scene_logit=student(seed)), targets) > best for seed in range(5))


def test_at_temperature_1_it_is_the_hard_labels_loss():
    outputs = Outputs(scene_logit=student(0))
    assert torch.equal(SoftSceneCrossEntropy()(outputs, targets_of(1.0)), SceneCrossEntropy()(outputs, targets_of(1.0)))


def test_one_clip_by_hand():
    # q = softmax([2 ln 3, 0] / 2) = (3/4, 1/4); p = (1/2, 1/2): -(ln 3/4 + ln 1/4) / 2, without a factor of T squared
    targets = Targets(
        clips=("a",),
        events=(),
        scenes=("home", "park"),
        scene=torch.tensor([[0.5, 0.5]]),
        scene_known=torch.tensor([True]),
    )
    logit = torch.tensor([[2 * torch.tensor(3.0).log(), 0.0]])
    value = SoftSceneCrossEntropy(temperature=2.0)(Outputs(scene_logit=logit), targets)
    assert value.item() == pytest.approx(0.836988)


def test_clips_without_a_scene_do_not_count():
    outputs = Outputs(scene_logit=student(0))
    loss = SoftSceneCrossEntropy(temperature=2.0)
    some = loss(outputs, targets_of(2.0, known=(True, False, True)))
    each = [
        loss(Outputs(scene_logit=outputs.scene_logit[i : i + 1]), targets_of(2.0).select(torch.tensor([i])))
        for i in (0, 2)
    ]
    torch.testing.assert_close(some, (each[0] + each[1]) / 2)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_that_cannot_be_one_is_refused(temperature):
    with pytest.raises(
        OptionError, match=r"soft-scene-ce: temperature = .* must be a positive number; the paper uses 1"
    ):
        SoftSceneCrossEntropy(temperature=temperature)
