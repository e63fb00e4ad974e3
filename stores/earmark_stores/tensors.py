"""Tensors and the facts that belong to them, in one safetensors file: neither can be newer than the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from earmark_stores.disk import FORMAT, check_format, damaged, replace_file


def save_tensors(root: Path, path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and facts in one step.

    Args:
        root: of the store.
        path: of the file.
        tensors: on any device; tied ones are stored once for each name.
        facts: anything that JSON can say.

    Raises:
        StoreError: it cannot be written; the old file is as it was.
    """
    # Copies, as safetensors refuses tensors that share memory (tied weights, the flat weights of a GRU on a GPU).
    plain = {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    metadata = {"format": str(FORMAT), "facts": json.dumps(facts, ensure_ascii=False)}
    replace_file(root, path, safetensors.torch.save(plain, metadata))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote, on the CPU.

    Raises:
        StoreError: missing, truncated, or of another format version.
    """
    try:
        content = path.read_bytes()
        tensors = safetensors.torch.load(content)
        header_bytes = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + header_bytes]).get("__metadata__", {})
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    except (SafetensorError, ValueError) as error:
        raise damaged(path, f"is not a whole safetensors file ({error})") from error
    check_format(int(metadata["format"]) if "format" in metadata else None, path)
    return tensors, json.loads(metadata["facts"])
