"""One training over several processes: who belongs to it, who leads, and what they tell each other.

They are started by torchrun, one for each GPU. The first one leads: it alone takes locks, writes to the store, judges,
evaluates and reports. The others follow: they wait for the address of a run, train it along, and wait for the next.

No process is left waiting for one that is gone. Whoever ends early closes its connections, which ends the waiting of
all others with an error, and torchrun stops those whose GPU is still at work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from earmark.devices import DeviceError, resolve_device
from earmark.errors import EarmarkError

LONGEST_WAIT = timedelta(days=7)
"""Of followers, while the first process extracts features, waits for a lock or evaluates; its end ends it at once."""
_LENGTH = 64
"""Bytes of a message."""
_ENVIRONMENT = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class TeamError(EarmarkError):
    """The processes of one training do not fit together, or one of them is gone."""


@dataclass(frozen=True, slots=True)
class Team:
    """The processes that train together, seen from one of them."""

    rank: int
    """Of this process, from 0."""
    size: int
    _control: Any
    """Process group for messages, on the CPU; batches and gradients go through the default group."""

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    def tell(self, message: str) -> None:
        """Say something short to all followers."""
        said = torch.tensor(list(message.encode().ljust(_LENGTH)), dtype=torch.uint8)
        dist.broadcast(said, 0, self._control)

    def told(self) -> str:
        """Wait for what the first process says; empty once it has nothing more to do."""
        said = torch.zeros(_LENGTH, dtype=torch.uint8)
        dist.broadcast(said, 0, self._control)
        return bytes(said.tolist()).decode().rstrip()

    def agreed(self, values: Sequence[float]) -> list[float]:
        """The values that the first process has, so that no rounding lets two processes decide differently."""
        agreed = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(agreed, 0, self._control)
        return agreed.tolist()

    def check_epoch(self, epoch: int) -> None:
        """Check that all processes go on after the same epoch.

        Raises:
            TeamError: in all of them alike.
        """
        found = [torch.zeros((), dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(found, torch.tensor(epoch), self._control)
        epochs = [int(each) for each in found]
        if len(set(epochs)) > 1:
            raise TeamError(
                f"The {self.size} processes found the run saved after different epochs "
                f"({', '.join(map(str, epochs))}). Let --stores name one folder that all machines share."
            )


_joined: Team | None = None


def team() -> Team | None:
    """The team of this process; None where it works alone."""
    return _joined


@contextmanager
def joined(device: str = "auto", engine: str = "auto") -> Iterator[Team | None]:
    """Be one of the processes that torchrun has started, within this block; None where there is but one.

    Args:
        device: "auto", "cpu" or "cuda"; each process of a machine takes the GPU of its own number.
        engine: as asked for; the processes do each run together, so no engine gives runs to others.

    Raises:
        TeamError: another engine is asked for, the processes do not find each other, or another one is lost.
        DeviceError: a GPU is named by number, or there are fewer than processes.
    """
    global _joined
    if any(name not in os.environ for name in _ENVIRONMENT) or int(os.environ["WORLD_SIZE"]) < 2:
        yield None
        return
    _check_engine(engine)
    _joined = _met(_taken_device(device))
    try:
        yield _joined
        if _joined.leads:
            _joined.tell("")
        # After an error this would wait for those who are still at work; the end of the process is enough.
        dist.destroy_process_group()
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        raise TeamError(
            f"Process {_joined.rank + 1} of {_joined.size}: another process of this training has ended; what it said "
            "last tells why. What was saved is kept; the same command goes on from there."
        ) from error
    finally:
        _joined = None


def _met(backend: str) -> Team:
    """The team, once all of its processes are there."""
    try:
        dist.init_process_group(backend)
        control = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
    except RuntimeError as error:
        here = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise TeamError(
            f"The processes that torchrun has started could not meet at {here} ({str(error).splitlines()[0]}). "
            "On one machine, say torchrun --standalone; on several, name in --rdzv-endpoint one that all of them reach."
        ) from error
    return Team(dist.get_rank(), dist.get_world_size(), control)


def _check_engine(engine: str) -> None:
    asked = os.environ.get("EARMARK_ENGINE", "auto") if engine == "auto" else engine
    if asked not in ("auto", "local"):
        raise TeamError(
            f"The engine {asked!r} gives whole runs to processes of its own, but torchrun has started several for each "
            "run. Leave torchrun out, or say --engine local."
        )


def _taken_device(asked: str) -> str:
    """Make the GPU of this process its current device, if it is to use one; return the backend for its tensors."""
    if asked not in ("auto", "cpu", "cuda"):
        raise DeviceError(
            f"--device {asked} names one device for all processes that torchrun has started. Say auto, cuda or cpu: "
            "each process takes the GPU of its own number."
        )
    if resolve_device(asked).type == "cpu":
        return "gloo"
    number, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= there:
        raise DeviceError(
            f"torchrun has started more processes on this machine than it has GPUs ({there}). "
            f"Say --nproc-per-node {there}."
        )
    torch.cuda.set_device(number)
    return "nccl"


def _is_lost(error: RuntimeError) -> bool:
    """Whether an error says that another process is gone; gloo has no class of its own for it."""
    return isinstance(error, dist.DistError) or "gloo/" in str(error)
