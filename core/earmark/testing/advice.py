"""What to do about a promise that is not kept: the contracts' sentences say what is wrong, these what to write."""

from __future__ import annotations

ADVICE = {
    # Options.
    "options without a default": "Write `name: type = value` for each, so that the plugin works by its name alone.",
    "options without a type": "Annotate them: `threshold: float = 0.5`.",
    # Targets: label sources and refiners.
    "label() must return Targets": "Return earmark.targets.Targets.",
    "must hold the clips asked for": "Write `clips=tuple(clip.id for clip in clips)`, and one row of labels for each.",
    "the scenes are the dataset's": "Write `scenes=dataset.scenes`.",
    "an event is named once": "Two columns of one name cannot be told apart: `events=tuple(dict.fromkeys(names))`.",
    "a source without event labels": "Write `events=dataset.events`: without event labels there are no other events.",
    "the order of the clips changed them": (
        "Let chance come from the run's seed and clip.id: "
        "`torch.Generator().manual_seed(earmark.addressing.derived_seed(seed, clip.id))`, not from one generator "
        "that goes on from clip to clip."
    ),
    "must lie in [0, 1] wherever it is known": (
        "Labels are probabilities: take the sigmoid of logits, clamp sums, and set the mask to False wherever the "
        "label is NaN."
    ),
    "scene rows must sum to 1": "Divide each row by its sum, or set its mask to False.",
    # Models.
    "must be a torch.nn.Module": "Derive the class from torch.nn.Module.",
    "must return earmark.outputs.Outputs": "Let forward() return Outputs(event_frame_logit=..., scene_logit=...).",
    "must give at least one output": "Outputs() without a field is empty; fill those that the model has.",
    "is not finite on ordinary features": (
        "Look for a division by 0, a logarithm or a root of what may be 0 or negative."
    ),
    "prepared() must keep the clips": "Return a tensor (clip, ...), one row for each clip that came in.",
    "reaches any parameter": (
        "Something cuts the graph: .detach(), .numpy(), torch.no_grad(), argmax, a comparison, or parameters that "
        "forward() does not use."
    ),
    "of a clip depends on its batch": (
        "Take means, maxima and norms over frames or mel bands, never over the axis of the clips; batch "
        "normalisation is fine, as it stands still in eval mode."
    ),
    "when the state_dict is saved and loaded": (
        "Keep what forward() needs in parameters or in register_buffer(), and draw nothing at random in eval mode."
    ),
    # Losses.
    "a loss must be a finite scalar": (
        "Reduce to one number, by a mean over what is known. Labels may be NaN where their mask is False: take them"
        " away first, `label = torch.where(known, label, 0)`."
    ),
    "a loss must be a pure function": "Keep no count and draw no number in it.",
    "reaches any output": "The loss must depend on the outputs: look for .detach(), .item(), argmax or a comparison.",
    "made a gradient NaN": (
        "A mask after the loss comes too late, as 0 * NaN is NaN in the gradient: take unknown labels away before, "
        "`label = torch.where(known, label, 0)`."
    ),
    "without any label the loss must be 0": (
        "The mean of nothing is NaN: where targets hold None, return `logit.sum() * 0`; where a mask is False "
        "everywhere, divide by `known.sum().clamp(min=1)`."
    ),
    "without any label the gradient must be 0": (
        "Multiply what is summed by the mask, so that no output counts without a label."
    ),
    # Refiners.
    "refine() must return Targets": "Return `dataclasses.replace(targets, ...)`.",
    "a refiner keeps the clips": (
        "Return `dataclasses.replace(targets, ...)` and leave its clips; to drop the labels of a clip, set its mask"
        " to False."
    ),
    "a refiner keeps the vocabularies": "Return `dataclasses.replace(targets, ...)` and leave events and scenes.",
    "changed its input in place": "Work on a copy (.clone(), .copy()): no `labels[...] = x`, no method that ends in _.",
    "gave two results": (
        "Draw nothing at random and keep no state; chance, if it must be, comes from a seed in the options."
    ),
    "must be aligned by clip id": (
        "Read them by name: `predictions[...].sel(clip=list(ids))`, with ids = targets.clips for a refiner and "
        "reference.clip_ids for an evaluator."
    ),
    # Evaluators.
    "must return a Dataset with results": (
        "Return xr.Dataset({'my_fscore_micro': 0.5, 'my_fscore': ('event', scores)}, coords={'event': "
        "list(reference.events)})."
    ),
    "results are over the whole set": "Sum counts over the clips first; keep them by recording if need be.",
    "must be a fraction in [0, 1]": "Do not multiply by 100; tables do.",
    # Front ends and samplers.
    "announced were": "Let extract() give as many frames as n_frames(duration_s) says, and n_mels bands.",
    "features must be finite float32": (
        "Add a floor before the logarithm, `torch.log(power + 1e-10)`, and end in .float()."
    ),
    "chance must come from the generator alone": "Pass the generator on: `torch.randperm(n, generator=generator)`.",
    "indices must be those of the targets' clips": "Yield indices from 0 to len(targets) - 1.",
    # Post-processing, criteria, formats.
    "process() must keep the shape": "Return an array (clip, frame, event) of the shape that came in.",
    "an activity is float32": "End in .astype(np.float32).",
    "an activity must lie in [0, 1]": "Return a posterior, or decisions that are 0 or 1.",
    "depends on the clips beside it": "Filter along axis 1, the frames; take nothing over axis 0, the clips.",
    "where every posterior is 0": "A threshold must be above 0, and a filter may add nothing where nothing is.",
    "must be (recording, event)": "Give counts the dimensions ('recording', 'event').",
    "must be counts": "Count whole events, as integers of 0 or more.",
    "must be 0 here": "A list against itself is without error; where nothing is estimated, all there is are misses.",
    "must have true positives": (
        "Compare times as whole microseconds, earmark.recordings.to_us: floats miss equal ones."
    ),
    "a suffix begins with a dot": "Such as '.txt'.",
    "recordings, read": "Write and read an entry for each recording, also where it holds no event.",
    "a recording's name changed": "Write the name as it came, with its ending.",
    "events changed": "Write times with three decimals or more, and do not join what overlaps.",
    # Any other promise of a size.
    ", must be ": (
        "Check the order of the axes: (clip, frame, mel) comes in; (clip, frame, event), (clip, event) and (clip, "
        "scene) go out."
    ),
}
"""By a part of the sentence; the first part that occurs in it counts."""

CALLS = {
    "label source": (
        "The contract calls factory(), then label(dataset, clips, grid) for the clips of a small dataset, in order "
        "and backwards."
    ),
    "model": "The contract calls factory(task), then the model on features (clip, frame, mel), in train and eval mode.",
    "loss": (
        "The contract calls factory(), then the loss on random outputs of every kind with targets that know every "
        "label kind for some clips (NaN elsewhere), then with targets in which every label is None, then with "
        "nothing known."
    ),
    "refiner": (
        "The contract calls factory(), then refine(targets, predictions) for six clips; targets know every label "
        "kind for some clips, predictions hold frame, clip and scene posteriors."
    ),
    "evaluator": (
        "The contract calls factory(), then evaluate(reference, predictions) with predictions that hold frame, clip"
        " and scene posteriors, then with posteriors that are 0."
    ),
    "frontend": "The contract calls factory(), then extract() on 2 s of noise in stereo and of silence in mono.",
    "sampler": "The contract calls factory(targets), then batches(generator).",
    "post-processor": "The contract calls factory(), fit() if there is one, then process(posterior, events, hop_s).",
    "criterion": (
        "The contract calls factory(), then count(reference, estimated) with a list against itself and an empty one."
    ),
    "annotation format": (
        "The contract calls factory(), writes two recordings (one, where the format names none) and reads them again."
    ),
}
"""What the contract of a kind does with a plugin, for those whose plugin raised something."""

HIDDEN_TYPES = (
    "The types of options are read when the plugin is used: import them outside `if TYPE_CHECKING:`, and write the "
    "options as keyword-only arguments or as fields of a dataclass(kw_only=True)."
)
"""For those whose options cannot be read at all."""


def advice_on(sentence: str) -> str:
    """What to do about a promise; empty where nobody has thought of anything.

    >>> advice_on("a suffix begins with a dot")
    "Such as '.txt'."
    """
    return next((advice for part, advice in ADVICE.items() if part in sentence), "")
