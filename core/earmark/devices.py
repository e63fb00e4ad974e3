"""Where tensors live."""

from __future__ import annotations

import torch

from earmark.errors import EarmarkError


class DeviceError(EarmarkError):
    """The device asked for is not there."""


def resolve_device(name: str = "auto") -> torch.device:
    """Return a device by name; ``auto`` takes an NVIDIA GPU, else the CPU.

    Raises:
        DeviceError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(
            f"Device {name!r} cannot be used ({str(error).splitlines()[0]}). Try --device auto or --device cpu."
        ) from None
    return device


def describe_device(device: torch.device) -> str:
    """Name of a device, as it is written beside results."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({torch.get_num_threads()} threads)"


def resident(tensor: torch.Tensor, device: torch.device, share: float = 0.5) -> torch.Tensor:
    """Move a tensor to the device if it fits into a share of its free memory, else leave it on the host, pinned."""
    if device.type != "cuda":
        return tensor.to(device)
    free, _ = torch.cuda.mem_get_info(device)
    return tensor.to(device) if tensor.nbytes < share * free else tensor.pin_memory()
