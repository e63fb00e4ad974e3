"""Names what this package gives."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_frontends.log_mel import LogMel
from earmark_frontends.log_mel_embedding import LogMelEmbedding
from earmark_frontends.log_mel_pann import LogMelPann
from earmark_frontends.log_mel_rgasc import LogMelRgasc


@hookimpl
def earmark_frontends() -> Mapping[str, Factory]:
    """The front end of the papers."""
    return {
        "log-mel": LogMel,
        "log-mel-embedding": LogMelEmbedding,
        "log-mel-pann": LogMelPann,
        "log-mel-rgasc": LogMelRgasc,
    }
