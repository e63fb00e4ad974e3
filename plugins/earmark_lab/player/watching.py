"""Whether somebody may be looking at the page while the kernel runs."""

from __future__ import annotations

import os
import sys


def is_watched() -> bool:
    """False where a program executes the notebook: papermill, nbconvert or a documentation builder.

    Such a program says with every cell that nobody can answer a prompt, as each front end for people can. Voilà also
    does, though it shows live widgets; it names itself.
    """
    shell_module = sys.modules.get("IPython")
    shell = shell_module.get_ipython() if shell_module is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None or os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return True
    return bool(getattr(kernel, "_allow_stdin", True))
