"""Names what this package gives."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_embedding.classifiers import EmbeddingClassifier, EmbeddingHead
from earmark_embedding.models import Embedding, EmbeddingOfEpisodes, EmbeddingOfTriplets
from earmark_embedding.prototypes import Prototypical
from earmark_embedding.samplers import Balanced, Episodes, Triplets
from earmark_embedding.triplet import Triplet


@hookimpl
def earmark_models() -> Mapping[str, Factory]:
    """The embedding network, alone in three ways of training it, and with a classifier in two."""
    return {
        "embedding": Embedding,
        "embedding-of-triplets": EmbeddingOfTriplets,
        "embedding-of-episodes": EmbeddingOfEpisodes,
        "embedding-classifier": EmbeddingClassifier,
        "embedding-head": EmbeddingHead,
    }


@hookimpl
def earmark_losses() -> Mapping[str, Factory]:
    """Losses of embeddings."""
    return {"triplet": Triplet, "prototypical": Prototypical}


@hookimpl
def earmark_samplers() -> Mapping[str, Factory]:
    """Batches in which every class has the same part."""
    return {"balanced": Balanced, "triplets": Triplets, "episodes": Episodes}
