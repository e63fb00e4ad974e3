"""Tensors and the facts that belong to them, in one safetensors file: neither can be newer than the other."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from earmark_stores.checksums import SPOILT, crc32c
from earmark_stores.disk import FORMAT, check_format, damaged, replace_file

_CHECKSUM = re.compile(rb'"crc32c":"([0-9a-f]{8})"')
"""Of the whole file, with zeros in its own place. Facts cannot look like it: their quotation marks are escaped."""

_ZEROS = b'"crc32c":"00000000"'


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
    metadata = {"format": str(FORMAT), "facts": json.dumps(facts, ensure_ascii=False), "crc32c": "0" * 8}
    content = safetensors.torch.save(plain, metadata)
    replace_file(root, path, content.replace(_ZEROS, _ZEROS.replace(b"0" * 8, b"%08x" % crc32c(content)), 1))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote, on the CPU.

    Raises:
        StoreError: missing, truncated, spoilt, or of another format version.
    """
    try:
        content = path.read_bytes()
        tensors = safetensors.torch.load(content)
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        metadata = json.loads(header).get("__metadata__", {})
        version = int(metadata["format"]) if "format" in metadata else None
        facts: dict[str, Any] = json.loads(metadata.get("facts", "{}"))
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    except (SafetensorError, ValueError) as error:
        raise damaged(path, f"is not a whole safetensors file ({error})") from error
    check_format(version, path)
    written = _CHECKSUM.search(header)  # none in files of before there were checksums
    if written and crc32c(content.replace(written[0], _ZEROS, 1)) != int(written[1], 16):
        raise damaged(path, SPOILT)
    return tensors, facts
