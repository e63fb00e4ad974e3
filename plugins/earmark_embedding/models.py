"""Models that give embeddings alone: they differ in which clips of a training batch they learn from, and how.

All hold the network as ``embedding``, so that one takes over the weights of another.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earmark.errors import ExperimentError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark_embedding.net import EmbeddingNet
from earmark_embedding.prototypes import n_classes_of


class Embedding(nn.Module):
    """The embedding network by itself; of a training batch all clips are alike.

    Args:
        task: sizes; its events and scenes do not matter.
        n_conv: convolutions, 3 to 5.
        first_filters: filters of the first two convolutions.
        last_filters: filters of the last one.
        conv_dropout: share of each convolution's outputs that is dropped.
        mel_bins_left: mel bands after the last pooling, 1, 2 or 4.
        normalise_steps: divide the vector of each time step by its norm before the mean, as [weak_label_limits] does
            for triplets.

    Raises:
        OptionError: see `earmark_embedding.net.EmbeddingNet`.
    """

    def __init__(
        self,
        task: Task,
        *,
        n_conv: int = 4,
        first_filters: int = 16,
        last_filters: int = 65,
        conv_dropout: float = 0.2,
        mel_bins_left: int = 2,
        normalise_steps: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = EmbeddingNet(
            task,
            n_conv=n_conv,
            first_filters=first_filters,
            last_filters=last_filters,
            conv_dropout=conv_dropout,
            mel_bins_left=mel_bins_left,
            normalise_steps=normalise_steps,
        )

    def forward(self, features: Tensor) -> Outputs:
        """Return embeddings of features (clip, frame, mel)."""
        if not self.training:
            return Outputs(embedding=self.embedding(features, dropout=False))
        return Outputs(embedding=self.learning(features))

    def learning(self, features: Tensor) -> Tensor:
        """Embeddings (clip, dim) of a training batch."""
        embedding: Tensor = self.embedding(features, dropout=True)
        return embedding


class EmbeddingOfTriplets(Embedding):
    """Learns from the anchors of triplets alone; positives and negatives are without dropout and without gradient.

    Source: the authors' code of [weak_label_limits], and its equation, in which the anchor alone always carries the
    parameters. With `Embedding` in its place the gradient goes through all three.

    A training batch holds anchors, positives and negatives, a third each, as the sampler ``triplets`` gives them.
    """

    parts = 3
    """See `earmark.protocols.Model`."""

    def learning(self, features: Tensor) -> Tensor:
        """Embeddings (clip, dim) of a training batch.

        Raises:
            ExperimentError: the batch is not of three thirds.
        """
        n, rest = divmod(len(features), 3)
        if rest:
            raise ExperimentError(
                f"embedding-of-triplets got a batch of {len(features)} clips, which are no anchors, positives and "
                'negatives. Set sampler = "triplets" in its stage.'
            )
        with torch.no_grad():
            others = self.embedding(features[n:], dropout=False)
        return torch.cat([self.embedding(features[:n], dropout=True), others])


class EmbeddingOfEpisodes(Embedding):
    """Learns from episodes: dropout for queries alone, a gradient through supports too.

    Source: [weak_label_limits], section 2, and the authors' code.

    Args:
        task: sizes, as all options of the network for `Embedding`.
        n_support: supports of each class in an episode; they come first.
        n_query: queries of each class.
        n_conv: as for `Embedding`.
        first_filters: as for `Embedding`.
        last_filters: as for `Embedding`.
        conv_dropout: as for `Embedding`.
        mel_bins_left: as for `Embedding`.
        normalise_steps: as for `Embedding`.

    Raises:
        OptionError: see `earmark_embedding.net.EmbeddingNet`.
    """

    def __init__(
        self,
        task: Task,
        *,
        n_support: int = 1,
        n_query: int = 1,
        n_conv: int = 4,
        first_filters: int = 16,
        last_filters: int = 65,
        conv_dropout: float = 0.2,
        mel_bins_left: int = 2,
        normalise_steps: bool = False,
    ) -> None:
        super().__init__(
            task,
            n_conv=n_conv,
            first_filters=first_filters,
            last_filters=last_filters,
            conv_dropout=conv_dropout,
            mel_bins_left=mel_bins_left,
            normalise_steps=normalise_steps,
        )
        self.n_support = n_support
        self.n_query = n_query
        self.parts = n_support + n_query  # see `earmark.protocols.Model`

    def learning(self, features: Tensor) -> Tensor:
        """Embeddings (clip, dim) of a training batch.

        Raises:
            ExperimentError: the batch is no episode of this form.
        """
        n = n_classes_of(len(features), self.n_support, self.n_query, "embedding-of-episodes") * self.n_support
        supports = self.embedding(features[:n], dropout=False)
        return torch.cat([supports, self.embedding(features[n:], dropout=True)])
