"""Contract tests for every plugin kind, for strangers' plugins and Earmark's own alike.

In a plugin's test suite::

    from earmark.testing import check_plugin
    import earmark_mine

    def test_it_keeps_the_contract():
        check_plugin(earmark_mine)

Each check raises `AssertionError` with a sentence that says which promise of `earmark.protocols` is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from earmark.hookspecs import KINDS
from earmark.plugins import PluginManager, options_model
from earmark.protocols import Factory
from earmark.testing.judging import check_annotation_format, check_criterion, check_evaluator, check_post_processor
from earmark.testing.learning import (
    check_frontend,
    check_label_source,
    check_loss,
    check_model,
    check_refiner,
    check_sampler,
)
from earmark.testing.small import (
    one_event_dataset,
    one_event_targets,
    small_dataset,
    small_predictions,
    small_targets,
)


def check_options(factory: Factory) -> None:
    """Options are keyword-only, typed, and have defaults, so that a name alone works."""
    model = options_model(factory)
    without = [name for name, field in model.model_fields.items() if field.is_required()]
    assert not without, f"options without a default: {', '.join(without)}; give each one that works"
    untyped = [name for name, field in model.model_fields.items() if field.annotation is Any]
    assert not untyped, f"options without a type: {', '.join(untyped)}; an experiment file cannot be checked then"


CHECKS: Mapping[str, Callable[..., None]] = {
    "label source": check_label_source,
    "model": check_model,
    "loss": check_loss,
    "refiner": check_refiner,
    "evaluator": check_evaluator,
    "frontend": check_frontend,
    "sampler": check_sampler,
    "post-processor": check_post_processor,
    "criterion": check_criterion,
    "annotation format": check_annotation_format,
}
"""The contract of each kind that can be checked without files."""


def check_plugin(plugin: object, name: str = "plugin under test") -> list[str]:
    """Register a plugin module on a manager of its own and check everything that it gives.

    Returns:
        What was checked, such as "refiner 'self-distillation'".

    Raises:
        AssertionError: a promise is not kept, or the plugin gives nothing.
    """
    manager = PluginManager()
    manager.register(plugin, name)
    checked = []
    for given in manager.given():
        check_options(given.factory)
        if given.kind in CHECKS:
            CHECKS[given.kind](given.factory)
        checked.append(f"{given.kind} {given.name!r}")
    hooks = ", ".join(KINDS.values())
    assert checked, f"the plugin gives nothing; it needs a function marked @earmark.hookimpl, one of {hooks}"
    return checked


__all__ = [
    "CHECKS",
    "check_annotation_format",
    "check_criterion",
    "check_evaluator",
    "check_frontend",
    "check_label_source",
    "check_loss",
    "check_model",
    "check_options",
    "check_plugin",
    "check_post_processor",
    "check_refiner",
    "check_sampler",
    "one_event_dataset",
    "one_event_targets",
    "small_dataset",
    "small_predictions",
    "small_targets",
]
