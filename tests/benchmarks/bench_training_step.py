"""Training step of the multitask network against the same network in plain PyTorch modules.

    python tests/benchmarks/bench_training_step.py

Both nets start from the same weights and train on the same batches in turn (A B A B), so that the timed steps are
also the two loss curves that are compared, and whatever else the machine does meets both alike. The report goes to
`results/training_step.json`, size by size, with the machine's load: medians and best times part where it is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from datetime import date
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mtl"))

from plain_net import PlainNet

from earmark.protocols import Task
from earmark.targets import Targets
from earmark_mtl.losses import SceneCrossEntropy, StrongBce
from earmark_mtl.net import MtlCnnBiGru
from record import processor

RESULT = Path(__file__).parent / "results" / "training_step.json"
TASK = Task(n_frames=500, n_mels=64, n_events=25, n_scenes=4)
SIZES = {
    "paper": {"batch": 64, "steps": 8, "options": {}},
    "narrow": {
        "batch": 16,
        "steps": 40,
        "options": {
            "shared_channels": (16, 16, 32),
            "scene_channels": (32, 32),
            "gru_units": 32,
            "event_units": 32,
            "scene_units": 16,
        },
    },
}
N_BATCHES = 4
WARM_UP_STEPS = 2
"""Steps that are part of the curves but not of the medians."""


def batches_of(n_clips: int) -> list[tuple[torch.Tensor, Targets]]:
    """Random features with events that can be learnt from them: an event sounds where its mel band is loud."""
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(N_BATCHES):
        features = torch.randn(n_clips, TASK.n_frames, TASK.n_mels, generator=generator)
        scene = torch.randint(TASK.n_scenes, (n_clips,), generator=generator)
        targets = Targets(
            clips=tuple(str(clip) for clip in range(n_clips)),
            events=tuple(str(event) for event in range(TASK.n_events)),
            scenes=tuple(str(scene) for scene in range(TASK.n_scenes)),
            frame_event=features[..., : TASK.n_events] > 1,
            frame_event_known=torch.ones(n_clips, TASK.n_events, dtype=torch.bool),
            scene=torch.eye(TASK.n_scenes)[scene],
            scene_known=torch.ones(n_clips, dtype=torch.bool),
        )
        batches.append((features, targets))
    return batches


def step(net: torch.nn.Module, optimizer: torch.optim.Optimizer, features: torch.Tensor, targets: Targets) -> float:
    """One step as [partial_labels] trains: event loss + 0.001 scene loss, RAdam."""
    optimizer.zero_grad()
    outputs = net(features)
    loss = StrongBce()(outputs, targets) + 0.001 * SceneCrossEntropy()(outputs, targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def measure(batch: int, steps: int, options: dict[str, object]) -> dict[str, object]:
    torch.manual_seed(0)
    plain, fast = PlainNet(TASK, **options), MtlCnnBiGru(TASK, **options)
    fast.load_state_dict(plain.state_dict())
    nets = {"plain": plain, "fast": fast}
    optimizers = {name: torch.optim.RAdam(net.parameters(), lr=2e-4) for name, net in nets.items()}
    batches = batches_of(batch)
    wall_ms: dict[str, list[float]] = {"plain": [], "fast": []}
    cpu_ms: dict[str, list[float]] = {"plain": [], "fast": []}
    curves: dict[str, list[float]] = {"plain": [], "fast": []}
    load_before = os.getloadavg()[0]
    for number in range(steps):
        for name, net in nets.items():
            torch.manual_seed(number)  # the same units drop out in both
            wall, cpu = time.perf_counter(), time.process_time()
            curves[name].append(step(net, optimizers[name], *batches[number % N_BATCHES]))
            wall_ms[name].append(1000 * (time.perf_counter() - wall))
            cpu_ms[name].append(1000 * (time.process_time() - cpu))
        shown = ", ".join(f"{name} {wall_ms[name][-1]:.0f} ms (loss {curves[name][-1]:.5f})" for name in nets)
        print(f"  step {number + 1:2d}/{steps}: {shown}", flush=True)
    medians = {name: statistics.median(values[WARM_UP_STEPS:]) for name, values in wall_ms.items()}
    cpu_medians = {name: statistics.median(values[WARM_UP_STEPS:]) for name, values in cpu_ms.items()}
    deviations = [abs(b - a) / abs(a) for a, b in zip(curves["plain"], curves["fast"], strict=True)]
    return {
        "batch": batch,
        "steps": steps,
        "options": options,
        "plain_ms": round(medians["plain"], 1),
        "fast_ms": round(medians["fast"], 1),
        "ratio": round(medians["plain"] / medians["fast"], 2),
        "plain_best_ms": round(min(wall_ms["plain"]), 1),
        "fast_best_ms": round(min(wall_ms["fast"]), 1),
        "best_ratio": round(min(wall_ms["plain"]) / min(wall_ms["fast"]), 2),
        "plain_cpu_ms": round(cpu_medians["plain"], 1),
        "fast_cpu_ms": round(cpu_medians["fast"], 1),
        "cpu_ratio": round(cpu_medians["plain"] / cpu_medians["fast"], 2),
        "load_average": [round(load_before, 2), round(os.getloadavg()[0], 2)],
        "largest_relative_loss_deviation": float(f"{max(deviations):.2g}"),
        "curves": {name: [round(loss, 6) for loss in curve] for name, curve in curves.items()},
    }


def machine() -> dict[str, object]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="*", default=[], metavar="SIZE", help="paper, narrow; both by default")
    parser.add_argument("--threads", type=int, default=None, help="threads of PyTorch; all cores by default")
    arguments = parser.parse_args()
    unknown = set(arguments.sizes) - SIZES.keys()
    if unknown:
        parser.error(f"no size {', '.join(sorted(unknown))}; choose from {', '.join(SIZES)}")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    RESULT.parent.mkdir(exist_ok=True)
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result["what"] = "training step of mtl-cnn-bigru: plain fp32 modules in NCHW against the same net in earmark_mtl"
    for name in arguments.sizes or SIZES:
        print(f"{name}:", flush=True)
        size = measure(**SIZES[name])
        result[name] = {
            "date": date.today().isoformat(),
            "machine": machine(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            **size,
        }
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
        print(
            f"{name}: plain {size['plain_ms']} ms, fast {size['fast_ms']} ms: {size['ratio']} x as fast "
            f"(best of each: {size['best_ratio']} x); loss curves differ by "
            f"{size['largest_relative_loss_deviation']:.1e} at most; load {size['load_average']}"
        )


if __name__ == "__main__":
    main()
