// Controls: the bar of buttons, lane switches, scenes, notes, and the fields of a selected span.

function button(label, title, action, signal, more = {}) {
  const element = h("button", { type: "button", title, "aria-label": title, ...more }, label);
  element.addEventListener("click", action, { signal });
  return element;
}

/** Posteriors of scenes as small bars, the likeliest first. */
function sceneBars(scenes) {
  const box = h("div", { class: "ep-scenes" });
  for (const [method, posteriors] of Object.entries(scenes)) {
    const sorted = Object.entries(posteriors).sort((a, b) => b[1] - a[1]);
    const list = h("ul", { "aria-label": `Scene according to ${method}` });
    for (const [scene, share] of sorted.slice(0, 4)) {
      const percent = Math.round(100 * share);
      const bar = h("span", { class: "ep-bar-fill" });
      bar.style.width = `${percent}%`;
      list.append(h("li", {}, h("span", { class: "ep-scene-name" }, scene), h("span", { class: "ep-bar", "aria-hidden": "true" }, bar), h("span", { class: "ep-share" }, `${percent} %`)));
    }
    box.append(h("div", { class: "ep-scene" }, h("div", { class: "ep-method" }, method), list));
  }
  return box;
}

/** Switches of lanes: each shows or hides one; and the order of rows, which `toggled` is told: true for by event. */
function laneSwitches(content, toggled, signal) {
  const box = h("div", { class: "ep-switches", role: "group", "aria-label": "Lanes" });
  const order = h("select", { "aria-label": "Order of rows", title: "Order of rows" }, h("option", { value: "lane" }, "by lane"), h("option", { value: "event" }, "by event"));
  order.addEventListener("change", () => toggled(order.value === "event"), { signal });
  if (content.lanes.length > 1) box.append(order);
  for (const lane of content.lanes) {
    const key = lane.isReference ? "reference" : lane.track ? "track" : "layer";
    const one = button("", `Show or hide the lane ${lane.title}`, () => {
      lane.shown = !lane.shown;
      one.setAttribute("aria-pressed", lane.shown);
      toggled(order.value === "event");
    }, signal, { "aria-pressed": "true", class: "ep-switch" });
    one.append(h("i", { class: `ep-key ep-key-${key}` }), lane.title);
    box.append(one);
  }
  if (content.lanes.some((lane) => lane.track) && content.reference !== null) {
    box.append(h("span", { class: "ep-legend", title: "Of a method's decisions, frame by frame" },
      h("i", { class: "ep-key ep-key-hit" }), "hit", h("i", { class: "ep-key ep-key-false" }), "false alarm",
      h("i", { class: "ep-key ep-key-missed" }), "missed"));
  }
  return box;
}

/** Fields for the selected span: all that the pointer does, from the keyboard. */
function spanFields(content, editor, sound, signal) {
  const lanes = content.lanes.filter((lane) => lane.editable);
  const label = h("select", { "aria-label": "Event of the span" }, ...content.events.map((event) => h("option", {}, event)));
  const time = (name) => h("input", { type: "number", step: 0.01, min: 0, max: content.duration_s, "aria-label": name, title: name });
  const [onset, offset] = [time("Onset in seconds"), time("Offset in seconds")];
  const apply = () => editor.selection && (editor.set(Number(onset.value), Number(offset.value), label.value) || show());
  for (const field of [label, onset, offset]) field.addEventListener("change", apply, { signal });
  const remove = button("Delete", "Delete the selected span (Delete)", () => editor.remove(), signal);
  const add = button("Add", "Add a span of this event: the looped region, or a second from the cursor on", () => {
    const [from, to] = sound.region || [sound.time_s, Math.min(sound.time_s + 1, content.duration_s)];
    if (to - from >= SHORTEST_SPAN_S) editor.add(editor.selection?.lane || lanes[0], from, to, label.value);
  }, signal);
  const undo = button("Undo", "Undo (Ctrl+Z)", () => editor.undo(), signal);
  const redo = button("Redo", "Redo (Ctrl+Shift+Z)", () => editor.redo(), signal);
  const show = () => {
    const span = editor.selection?.span;
    for (const field of [onset, offset, remove]) field.disabled = !span;
    undo.disabled = !editor.past.length;
    redo.disabled = !editor.future.length;
    if (span) [onset.value, offset.value, label.value] = [span[0], span[1], span[2]];
    else onset.value = offset.value = "";
  };
  show();
  const element = h("div", { class: "ep-fields", role: "group", "aria-label": "Edit spans" }, h("span", {}, "Span"), label, onset, "–", offset, "s", add, remove, undo, redo);
  return { element, show };
}

const KEYS = [
  ["Space", "play, pause"], ["← →", "step; with Shift finely"], ["Home End", "to the start, the end"],
  ["+ − 0", "zoom in, out, all"], ["L", "loop the region, or what is in sight"], ["Esc", "no loop, no selection"],
  ["click, drag", "seek, loop a region"], ["double-click", "on a span: loop it"],
  ["wheel", "on the picture, once it is clicked: zoom; anywhere with Ctrl"], ["Shift+wheel", "scroll in time"],
];

const keysHelp = () =>
  h("details", { class: "ep-keys" }, h("summary", { title: "Keys and pointer" }, "Keys"),
    h("dl", {}, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, keys), h("dd", {}, what)])));
