"""Where tensors live."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from earmark.errors import EarmarkError
from earmark.processes import WORKER


class DeviceError(EarmarkError):
    """The device asked for is not there."""


def resolve_device(name: str = "auto") -> torch.device:
    """Return a device by name; ``auto`` takes an NVIDIA GPU, else the CPU.

    The processes of an engine take the GPUs in turn, unless one is named by its number.

    Raises:
        DeviceError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and WORKER in os.environ and torch.cuda.is_available():
        return torch.device("cuda", int(os.environ[WORKER]) % torch.cuda.device_count())
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


def resident(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Move a tensor to the device if it fits there, else leave it on the host, pinned."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.to(device) if fits(tensor.nbytes, device) else tensor.pin_memory()


def fits(n_bytes: float, device: torch.device) -> bool:
    """Whether so many bytes take at most half of a device's free memory; True where nobody tells how much is free."""
    free = free_bytes(device)
    return free is None or n_bytes <= 0.5 * free


def free_bytes(device: torch.device) -> int | None:
    """Free memory of a GPU, or of this machine and what a container leaves of it, as Linux says; None elsewhere."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found: list[int] = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        group = Path("/sys/fs/cgroup")
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # another system, no container, or one without a limit ("max")
        pass
    return min(found, default=None)
