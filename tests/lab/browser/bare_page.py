"""A page without any notebook: the player gets a model and an element, as every front end gives them."""

from __future__ import annotations

import base64
from typing import Any

from ipywidgets.widgets.widget import _remove_buffers

MODEL = """
class Model {
  constructor(state) {
    Object.assign(this, { state, listeners: {}, saved: {}, messages: [], pending: {} });
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    this.pending[name] = value;
    if (JSON.stringify(this.state[name]) === JSON.stringify(value)) return;
    this.state[name] = value;
    for (const listener of this.listeners["change:" + name] || []) listener();
  }
  save_changes() { Object.assign(this.saved, this.pending); this.pending = {}; }
  on(name, listener) { (this.listeners[name] ||= []).push(listener); }
  off(name, listener) { this.listeners[name] = (this.listeners[name] || []).filter((one) => one !== listener); }
  send(message) { this.messages.push(message); }
}
"""

MOUNT = (
    """async ({ esm, css, state, paths, buffers, id }) => {"""
    + MODEL
    + """
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  paths.forEach((path, index) => {
    let at = state;
    for (const key of path.slice(0, -1)) at = at[key];
    at[path[path.length - 1]] = bytes(buffers[index]);
  });
  const begun = performance.now();
  if (!document.getElementById("style")) {
    const style = document.createElement("style");
    style.id = "style";
    style.textContent = css;
    document.head.append(style);
  }
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const module = (await import(url)).default;
  const el = document.createElement("div");
  el.id = id;
  document.body.append(el);
  window.models ||= {};
  window.disposes ||= {};
  window.models[id] = new Model(state);
  window.disposes[id] = await module.render({ model: window.models[id], el });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - begun;
}"""
)


def mount(page: Any, player: Any, id: str = "player") -> float:
    """Show a player on a page as the element of this id; milliseconds until it was painted."""
    state, paths, buffers = _remove_buffers(player.get_state())
    sent = {
        "esm": state.pop("_esm"),
        "css": state.pop("_css"),
        "state": {key: value for key, value in state.items() if not str(value).startswith("IPY_MODEL_")},
        "paths": paths,
        "buffers": [base64.b64encode(bytes(buffer)).decode() for buffer in buffers],
        "id": id,
    }
    return float(page.evaluate(MOUNT, sent))
