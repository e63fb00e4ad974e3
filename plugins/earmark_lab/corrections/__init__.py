"""Labels that people correct: layers of edits, the label source that reads them, a player connected with one."""

from earmark_lab.corrections.changes import Checked, Edit, Entry
from earmark_lab.corrections.correcting import Correcting, corrected
from earmark_lab.corrections.errors import LayerError
from earmark_lab.corrections.exchange import events_of_file, events_of_run, export
from earmark_lab.corrections.layer import CorrectionLayer
from earmark_lab.corrections.naming import author_here, layer_file
from earmark_lab.corrections.source import Corrected

__all__ = [
    "Checked",
    "Corrected",
    "Correcting",
    "CorrectionLayer",
    "Edit",
    "Entry",
    "LayerError",
    "author_here",
    "corrected",
    "events_of_file",
    "events_of_run",
    "export",
    "layer_file",
]
