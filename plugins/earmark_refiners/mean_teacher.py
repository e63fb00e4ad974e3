"""Mean teacher: a stage's own averaged weights say what its unlabelled frames hold."""

from __future__ import annotations

from dataclasses import dataclass

from earmark_refiners.soft_distillation import SoftDistillation


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanTeacher(SoftDistillation):
    """Labels every frame that has no strong label with the posterior of the averaged weights, anew for each epoch.

    The labels are made as in soft distillation; the teacher is what differs. Use it in a stage with ``mean_teacher``
    set, as ``refine = { use = "mean-teacher", by = "itself" }``.

    Source: Tarvainen and Valpola, "Mean teachers are better role models", NIPS 2017. Changed here: the consistency
    cost is the binary cross-entropy of the stage's loss, not the squared error; targets are renewed once an epoch, not
    at each step; it has its full weight from the first epoch on, since the stage starts from trained weights instead
    of raising the weight slowly; and nothing is added to the input. Without input noise teacher and student differ by
    dropout, which is off in the teacher, by its batch statistics, and by the averaging over steps alone: what is left
    is a slow target that keeps the student from running after its own latest mistakes, and not the invariance to
    perturbations from which the method takes most of its gain on images.
    """
