"""Tables of what methods cost: parameters and seconds of training, as the runs themselves have kept them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from earmark.study import Job, Study
from earmark_evaluators.tables import summary, table_of

LAST_STAGE = "last stage alone"


def cost_table(study: Study) -> pd.DataFrame:
    """Parameters in thousands, seconds of training, and their ratio to the first method's, repetition by repetition.

    Source: [partial_labels], Table 9. A method is charged for all stages that it needs, shared or not; "last stage
    alone" is the other reading of a time that is hardly longer than one training. Its parameters are those of its
    largest net, as the nets of one method share theirs.
    """
    experiment = study.experiment
    first = next(iter(experiment.methods))
    rows = {}
    for name, title in experiment.methods.items():
        n_parameters, whole_s, alone_s = [], [], []
        for seed in experiment.seeds:
            facts = [study.shelf(Job(stage, seed)).facts() for stage in _stages_of(study, name)]
            n_parameters.append(max(fact["n_parameters"] for fact in facts) / 1000)
            whole_s.append(sum(fact["train_s"] for fact in facts))
            alone_s.append(facts[-1]["train_s"])
        base_s = [study.shelf(Job(first, seed)).facts()["train_s"] for seed in experiment.seeds]
        rows[title] = {
            ("model", "parameters", "thousands"): summary(n_parameters),
            ("model", "training_time", "seconds"): summary(whole_s),
            ("model", "training_time", LAST_STAGE): summary(alone_s),
            ("model", "training_time_ratio", "to the first"): summary(
                [one / base for one, base in zip(whole_s, base_s, strict=True)]
            ),
        }
    return table_of(rows)


def paper_costs(paper: Path) -> pd.DataFrame:
    """A paper's table of costs, in whose CSV file the column ``average`` is empty, under the words of `cost_table`."""
    rows = pd.read_csv(paper)
    words = {"parameters": "thousands", "training_time": "seconds", "training_time_ratio": "to the first"}
    return rows.assign(average=rows["metric"].map(words))


def devices(study: Study) -> str:
    """Devices on which the methods were trained, as their times mean nothing without.

    Times of one table should be of one device: a store may hold runs of several.
    """
    return ", ".join(sorted(set(study.facts()["device"])))


def _stages_of(study: Study, name: str) -> Iterator[str]:
    """A stage after all that it needs, each once."""
    needed = study.experiment.only(name, study.experiment.seeds[0])
    yield from needed.in_order()
