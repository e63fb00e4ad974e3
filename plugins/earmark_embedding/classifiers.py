"""Classifiers on embeddings: trained together with the embedding network, or on top of a frozen one."""

from __future__ import annotations

from typing import ClassVar, cast

from torch import Tensor, nn

from earmark.errors import OptionError
from earmark.outputs import Outputs
from earmark.protocols import Task
from earmark_embedding.net import SLOPE, EmbeddingNet, check_dropout

UNITS = (32, 16)
"""Of the hidden layers, of which there may be one or two."""


class Head(nn.Sequential):
    """Classifier G: (clip, dim) to event logits (clip, event); at its defaults 4,522 parameters.

    Source: [weak_label_limits]; sizes from the authors' code.

    Args:
        n_in: dimensions of the embedding.
        n_events: classes.
        n_layers: hidden layers, 1 or 2.
        dropout: share of each hidden layer's outputs that is dropped.

    Raises:
        OptionError: another number of layers, or no share.
    """

    def __init__(self, n_in: int, n_events: int, *, n_layers: int, dropout: float) -> None:
        if n_layers not in (1, 2):
            raise OptionError(f"n_head_layers = {n_layers} must be 1 (32 units) or 2 (32 and 16); published is 1.")
        check_dropout("head_dropout", dropout)
        layers: list[nn.Module] = []
        for n_out in UNITS[:n_layers]:
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(SLOPE), nn.Dropout(dropout)]
            n_in = n_out
        super().__init__(*layers, nn.Linear(n_in, n_events))


class EmbeddingClassifier(nn.Module):
    """Embedding network and classifier, trained end to end; 30,427 parameters at the defaults and ten classes.

    Source: [weak_label_limits], section 2.

    Args:
        task: sizes.
        n_conv: convolutions, 3 to 5.
        first_filters: filters of the first two convolutions.
        last_filters: filters of the last one.
        conv_dropout: share of each convolution's outputs that is dropped.
        mel_bins_left: mel bands after the last pooling, 1, 2 or 4.
        normalise_steps: divide the vector of each time step by its norm before the mean.
        n_head_layers: hidden layers of the classifier, 1 or 2.
        head_dropout: share of each hidden layer's outputs that is dropped.

    Raises:
        OptionError: see `earmark_embedding.net.EmbeddingNet` and `Head`.
    """

    frozen: ClassVar[bool] = False
    """Whether the embedding network stays as it is."""

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
        n_head_layers: int = 1,
        head_dropout: float = 0.2,
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
        self.embedding.requires_grad_(not self.frozen)
        self.head = Head(self.embedding.dim, task.n_events, n_layers=n_head_layers, dropout=head_dropout)

    def forward(self, features: Tensor) -> Outputs:
        """Return embeddings and the clip's event logits of features (clip, frame, mel)."""
        embedding = self.embedding(features, dropout=self.training)
        return Outputs(event_clip_logit=self.head(embedding), embedding=embedding)


class EmbeddingHead(EmbeddingClassifier):
    """Classifier on a frozen embedding network, whose weights another stage has trained.

    Name that stage in ``starts_from``; the options of the network, ``normalise_steps`` included, must be that stage's.
    Embeddings are made once (`prepared`), and the model is then called on them.

    Source: [weak_label_limits], section 2.
    """

    frozen = True

    def prepared(self, features: Tensor) -> Tensor:
        """Embeddings (clip, dim) of features (clip, frame, mel), without dropout."""
        return cast(Tensor, self.embedding(features, dropout=False))

    def forward(self, prepared: Tensor) -> Outputs:
        """Return embeddings and the clip's event logits of what `prepared` gave (clip, dim)."""
        return Outputs(event_clip_logit=self.head(prepared), embedding=prepared)
