"""Gives the corpora and their synthetic stand-ins to Earmark."""

from __future__ import annotations

from collections.abc import Mapping

from earmark import hookimpl
from earmark.protocols import Factory
from earmark_corpora.desed.recorded import Desed
from earmark_corpora.desed.soundbank import DesedSoundbank
from earmark_corpora.downloads import factories
from earmark_corpora.folder.corpus import FolderCorpus
from earmark_corpora.isolated import IsolatedEvents
from earmark_corpora.musan import Musan
from earmark_corpora.sins import Sins
from earmark_corpora.synthesis.desed_stand_in import DesedStandIn
from earmark_corpora.synthesis.folder_stand_in import FolderStandIn
from earmark_corpora.synthesis.isolated_stand_in import IsolatedStandIn
from earmark_corpora.synthesis.soundbank_stand_in import SoundbankStandIn
from earmark_corpora.synthesis.tut2018_stand_in import Tut2018StandIn
from earmark_corpora.synthesis.tut_stand_in import TutStandIn
from earmark_corpora.tut.acoustic_scenes import TutAcousticScenes
from earmark_corpora.tut.four_scenes import TutCorpus
from earmark_corpora.tut.sound_events import TutSoundEvents
from earmark_corpora.tut.urban_2018 import Tut2018
from earmark_corpora.waa.corpus import WaaCorpus
from earmark_corpora.waa.synthesizer import Waa


@hookimpl
def earmark_corpora() -> Mapping[str, Factory]:
    """Corpus readers."""
    return {
        "desed": Desed,
        "desed-soundbank": DesedSoundbank,
        "folder": FolderCorpus,
        "isolated-events": IsolatedEvents,
        "musan": Musan,
        "sins": Sins,
        "tut": TutCorpus,
        "tut-acoustic-scenes": TutAcousticScenes,
        "tut-sound-events": TutSoundEvents,
        "tut2018": Tut2018,
        "waa": WaaCorpus,
    }


@hookimpl
def earmark_synthesizers() -> Mapping[str, Factory]:
    """Writers of stand-ins."""
    return {
        "desed": DesedStandIn,
        "desed-soundbank": SoundbankStandIn,
        "folder": FolderStandIn,
        "isolated-events": IsolatedStandIn,
        "tut": TutStandIn,
        "tut2018": Tut2018StandIn,
        "waa": Waa,
    }


@hookimpl
def earmark_downloads() -> Mapping[str, Factory]:
    """Publications that can be fetched."""
    return factories()
