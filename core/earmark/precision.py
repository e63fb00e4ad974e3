"""In how many digits a model is trained: fewer are faster where the device has units for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace

import torch

from earmark.experiment import Precision
from earmark.outputs import Outputs


@contextmanager
def rounding(precision: Precision) -> Iterator[None]:
    """Let GPUs round the factors of products, or forbid it, within this block."""
    allowed = precision != "float32"
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def casting(precision: Precision, device: torch.device) -> torch.autocast:
    """What a forward pass stands in."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def in_full(outputs: Outputs) -> Outputs:
    """Outputs in float32 at least, for the losses."""
    given = {field.name: getattr(outputs, field.name) for field in fields(outputs)}
    halves = {name: value.float() for name, value in given.items() if value is not None and value.dtype.itemsize < 4}
    return replace(outputs, **halves)
