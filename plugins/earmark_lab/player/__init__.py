"""A player for JupyterLab, Notebook 7 and VS Code: hear a sound and see its events, as annotated and as decided."""

from __future__ import annotations

from earmark_lab.player.clips import play_clip
from earmark_lab.player.errors import PlayerError
from earmark_lab.player.lanes import Lane, Track
from earmark_lab.player.widget import Player

__all__ = ["Lane", "Player", "PlayerError", "Track", "play_clip"]
