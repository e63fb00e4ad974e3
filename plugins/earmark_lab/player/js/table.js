// The table of events: on and off, a threshold each, and what every lane makes of it in numbers.

/** An element with attributes and children; an attribute that is null is left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  element.append(...children);
  return element;
}

class EventTable {
  /** changed(event) after a threshold moved, undefined for all; shownChanged() after an event went on or off. */
  constructor(content, comparison, state, { signal, changed, settled, shownChanged }) {
    Object.assign(this, { content, comparison, state, signal, changed, settled, shownChanged });
    this.compared = content.lanes.filter((lane) => !lane.isReference);
    this.sliders = content.lanes.some((lane) => lane.track && !lane.editable);
    this.rows = new Map();
    this.element = h("div", { class: "ep-table-wrap" });
    this.build();
  }

  build() {
    const { content } = this;
    const tall = { scope: "col", rowspan: 2 };
    const head = h("tr", {}, h("th", tall, "event"));
    const below = h("tr");
    if (this.sliders) head.append(h("th", tall, "threshold"));
    if (content.reference !== null) head.append(h("th", { ...tall, class: "ep-number", title: "spans" }, content.lanes[content.reference].title));
    for (const lane of this.compared) {
      head.append(h("th", { scope: "colgroup", colspan: 2, class: "ep-lane" }, lane.title));
      below.append(h("th", { scope: "col", class: "ep-lane" }, "events"), h("th", { scope: "col" }, "frames"));
    }
    const body = h("tbody");
    body.append(this.row(null));
    for (const event of content.events) body.append(this.row(event));
    this.body = body;
    this.element.append(h("table", { class: "ep-table" }, h("thead", {}, head, below), body));
    const hidden = content.events.filter((event) => !this.state.shownEvents.has(event));
    if (hidden.length) {
      const more = h("button", { type: "button", class: "ep-more" }, `${hidden.length} more event${hidden.length > 1 ? "s" : ""}, without annotation or decision`);
      more.addEventListener("click", () => {
        body.querySelectorAll("tr[hidden]").forEach((row) => (row.hidden = false));
        more.remove();
      }, { signal: this.signal });
      this.element.append(more);
    }
  }

  row(event) {
    const name = event ?? "all events";
    const row = h("tr", { class: event === null ? "ep-all" : null });
    const cells = { row };
    if (event === null) row.append(h("th", { scope: "row" }, name));
    else {
      const box = h("input", { type: "checkbox", "aria-label": `Show ${name}` });
      box.checked = this.state.shownEvents.has(event);
      row.hidden = !box.checked;
      cells.box = box;
      box.addEventListener("change", () => {
        this.state.shownEvents[box.checked ? "add" : "delete"](event);
        this.shownChanged();
      }, { signal: this.signal });
      row.append(h("th", { scope: "row" }, h("label", {}, box, ` ${name}`)));
    }
    if (this.sliders) row.append(h("td", {}, this.slider(event, name, cells)));
    if (this.content.reference !== null) row.append((cells.annotated = h("td", { class: "ep-number" })));
    cells.lanes = this.compared.map((lane) => {
      const pair = [h("td", { class: "ep-counts ep-lane" }), h("td", { class: "ep-counts ep-frames" })];
      row.append(...pair);
      return { lane, pair };
    });
    this.rows.set(event, cells);
    return row;
  }

  /** Show an event that somebody has just given a span. */
  reveal(event) {
    const { row, box } = this.rows.get(event) ?? {};
    if (!box || box.checked) return;
    row.hidden = false;
    box.checked = true;
    this.state.shownEvents.add(event);
  }

  slider(event, name, cells) {
    const slider = h("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": `Threshold of ${name}`, class: "ep-threshold", title: "Double-click: as it was" });
    if (event !== null) slider.dataset.event = event;
    const said = h("output", {});
    cells.slider = slider;
    cells.said = said;
    const move = (value) => {
      for (const one of event === null ? this.content.events : [event]) {
        if (value === null) delete this.state.thresholds[one];
        else this.state.thresholds[one] = value;
      }
      this.changed(event ?? undefined);
    };
    slider.addEventListener("input", () => move(Number(slider.value)), { signal: this.signal });
    slider.addEventListener("change", () => this.settled(), { signal: this.signal });
    slider.addEventListener("dblclick", () => {
      move(null);
      this.settled();
    }, { signal: this.signal });
    return h("span", { class: "ep-slider" }, slider, said);
  }

  /** Write the numbers of an event, or of all, and of the sums. */
  update(event) {
    for (const [name, cells] of this.rows) if (name === null || event === undefined || event === name) this.fill(name, cells);
  }

  fill(event, { annotated, slider, said, lanes }) {
    if (slider) {
      const given = new Set();
      const events = event === null ? this.content.events : [event];
      const tracks = this.content.lanes.filter((lane) => lane.track && !lane.editable);
      for (const one of events) for (const lane of tracks) given.add(this.comparison.threshold(lane, one));
      const value = given.values().next().value;
      if (slider.value !== String(value)) slider.value = value;
      said.textContent = given.size > 1 ? "various" : value.toFixed(2);
      slider.setAttribute("aria-valuetext", said.textContent);
    }
    const reference = this.content.lanes[this.content.reference];
    if (annotated) {
      const events = event === null ? this.content.events : [event];
      annotated.textContent = events.reduce((n, one) => n + this.comparison.spans(reference, one).length, 0);
    }
    for (const { lane, pair } of lanes) {
      const { events, frames } = (event === null ? this.comparison.total(lane) : this.comparison.of(lane, event)) || {};
      this.counts(pair[0], events, "events", lane, event);
      this.counts(pair[1], frames, "frames", lane, event);
    }
  }

  counts(cell, n, what, lane, event) {
    if (!n) {
      cell.textContent = "–";
      return;
    }
    cell.replaceChildren(
      h("span", { class: "ep-tp" }, `${n.tp}`),
      h("span", { class: "ep-fp" }, `${n.fp}`),
      h("span", { class: "ep-fn" }, `${n.fn}`),
    );
    const words = `${lane.title}, ${event ?? "all events"}, ${what}: ${n.tp} hits, ${n.fp} false alarms, ${n.fn} missed, F ${fscore(n)}`;
    cell.title = words;
    cell.setAttribute("aria-label", words);
  }
}
