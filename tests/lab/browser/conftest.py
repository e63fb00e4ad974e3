"""JupyterLab, and Notebook 7 where it is installed, on loopback, each started once for all tests of this folder."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for bare_page

START_S = 120.0
"""A front end may take as long on a busy machine; a few seconds are usual."""

QUIET = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "completer-extension/tracker": {"autoCompletion": False},
}


PAGES = {"jupyterlab": "lab/tree/NAME?reset", "notebook": "notebooks/NAME?"}
"""Front ends by the module that starts them, and where each shows a notebook."""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page; an error on it fails the test."""
    errors: list[str] = []
    asked: list[str] = []
    opened = browser.new_page(viewport={"width": 1000, "height": 1100})
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.set_content("<html><body style='background: white'></body></html>")
    yield opened
    opened.close()
    assert errors == []
    assert [url for url in asked if not url.startswith("blob:")] == []  # everything is sent by the kernel


@pytest.fixture(scope="session", params=PAGES)
def jupyter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Folder of notebooks and address, with token, of a front end that knows nothing of its user's settings."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    root = tmp_path_factory.mktemp("lab")
    folder, log = root / "notebooks", root / "log.txt"
    folder.mkdir()
    for name, setting in QUIET.items():
        path = root / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    places = {name: str(root / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    own = {"JUPYTER_RUNTIME_DIR": str(root / "runtime"), "JUPYTERLAB_SETTINGS_DIR": str(root / "settings")}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"), "HOME": str(root), "JUPYTER_PLATFORM_DIRS": "1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", request.param, "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    command += [f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0"]
    command += ["--LabApp.extension_manager=readonly", "--LabApp.collaborative=False"]
    with log.open("wb") as file:
        server = subprocess.Popen(command, env={**os.environ, **places, **own}, stdout=file, stderr=file)
    try:
        _wait(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
        yield folder, f"http://127.0.0.1:{port}/{PAGES[request.param]}&token={token}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def open_notebook(browser: Any, jupyter: tuple[Path, str]) -> Iterator[Callable[[str, list[str]], Any]]:
    """Write a notebook of these cells and open it in each front end."""
    folder, address = jupyter
    opened = browser.new_page(viewport={"width": 1300, "height": 1400})

    def opening(name: str, cells: list[str]) -> Any:
        import nbformat

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / name)
        opened.goto(address.replace("NAME", name))
        opened.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_S * 1000)
        _wait_for_kernel(address)
        return opened

    yield opening
    opened.close()


def _wait_for_kernel(address: str) -> None:
    """Until a kernel is connected to a page; an indicator on the page says "idle" before that."""
    kernels = urllib.parse.urlsplit(address)._replace(path="/api/kernels").geturl()
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with urllib.request.urlopen(kernels, timeout=5) as answer:
            if any(one["connections"] and one["execution_state"] == "idle" for one in json.load(answer)):
                return
        time.sleep(0.1)
    raise RuntimeError("The notebook found no kernel.")


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-3000:]}")
