"""What the campaigns share: the modules beside them, and the language model's server of the tests of labels."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "labels")]
