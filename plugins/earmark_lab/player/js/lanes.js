// Lanes: where their rows lie, and how spans, decisions and posteriors are drawn in them.

const ROW = { head: 22, spans: 18, track: 30, empty: 18 };
const STRIP = 7; // of decisions, at the foot of a row with posteriors

/**
 * Rows of the lanes that are shown: [{kind, lane, event, name, top, height}], and their height in all. By lane, to see
 * what each says; or by event, to see what all say of it.
 */
function rowsOf(content, shownEvents, comparison, byEvent) {
  const rows = [];
  let top = 0;
  const add = (kind, lane, event, name, height) => {
    rows.push({ kind, lane, event, name, top, height });
    top += height;
  };
  const lanes = content.lanes.filter((lane) => lane.shown);
  const events = content.events.filter((event) => shownEvents.has(event));
  const kindOf = (lane, event) => {
    if (lane.posteriors?.has(event)) return "track";
    const spans = comparison.of(lane, event).spans.length > 0 || (!lane.track && (lane.editable || lane.isReference));
    return spans ? "spans" : null;
  };
  const group = (head, pairs, nameOf) => {
    add("head", head.lane, null, head.name, ROW.head);
    for (const [lane, event] of pairs) {
      const kind = kindOf(lane, event);
      if (kind) add(kind, lane, event, nameOf(lane, event), ROW[kind]);
    }
    if (rows[rows.length - 1].kind === "head") add("empty", null, null, "", ROW.empty);
  };
  if (byEvent) for (const event of events) group({ lane: null, name: event }, lanes.map((lane) => [lane, event]), (lane) => lane.title);
  else for (const lane of lanes) group({ lane, name: lane.title }, events.map((event) => [lane, event]), (_, event) => event);
  return { rows, height: top };
}

function paintLanes(context, lanes, scrolled, height, painted) {
  const { view, inks } = painted;
  lanes.rows.forEach((row, index) => {
    const top = row.top - scrolled;
    if (top + row.height < 0 || top > height) return;
    if (row.kind === "head") return paintHead(context, row, top, painted);
    if (index % 2) {
      context.fillStyle = inks.row;
      context.fillRect(view.left, top, view.width, row.height);
    }
    context.textAlign = "right";
    context.fillStyle = row.kind === "empty" ? inks.muted : inks.ink;
    if (row.kind === "empty") {
      context.textAlign = "left";
      context.fillText("none of the events in sight", view.left + 4, top + row.height / 2);
      return;
    }
    context.fillText(fitted(context, row.name, view.left - 16), view.left - 10, top + row.height / 2);
    context.save();
    context.beginPath();
    context.rect(view.left, top, view.width, row.height);
    context.clip();
    if (row.kind === "track") paintTrack(context, row, top, painted);
    else paintSpans(context, row, top, painted);
    context.restore();
  });
}

function paintHead(context, row, top, { view, inks, comparison, bold, font }) {
  const { lane } = row;
  context.fillStyle = inks.line;
  context.fillRect(0, Math.round(top), view.left + view.width, 1);
  context.textAlign = "left";
  context.font = bold;
  context.fillStyle = inks.ink;
  const title = fitted(context, row.name, view.left + view.width * 0.5);
  context.fillText(title, 2, top + row.height / 2 + 1);
  const after = 12 + context.measureText(title).width;
  context.font = font;
  if (!lane) return;
  context.fillStyle = inks.muted;
  const total = comparison.total(lane);
  const words = total ? `F  ${fscore(total.events)} events · ${fscore(total.frames)} frames` : "";
  const said = lane.note || (lane.editable ? "drag in a row to add a span; drag spans and their edges; Delete, Ctrl+Z" : "");
  const room = view.left + view.width - after - context.measureText(words).width - 16;
  if (said && room > 40) context.fillText(fitted(context, said, room), after, top + row.height / 2 + 1);
  context.textAlign = "right";
  context.fillText(words, view.left + view.width, top + row.height / 2 + 1);
}

/** Posteriors as a curve with its threshold, and below it what is decided: hit, false alarm (striped), missed (hollow). */
function paintTrack(context, row, top, { view, inks, comparison, stripes }) {
  const { lane, event } = row;
  const foot = top + row.height - STRIP - 3;
  const tall = row.height - STRIP - 6;
  const { values, fold } = levelFor(lane.posteriors.get(event), view.span_s / view.width / lane.track.hop_s);
  const hop_s = lane.track.hop_s * fold;
  context.beginPath();
  context.moveTo(view.left, foot);
  for (let x = 0; x < view.width; x++) {
    const first = Math.floor((view.from_s + (x / view.width) * view.span_s) / hop_s);
    const end = Math.max(Math.floor((view.from_s + ((x + 1) / view.width) * view.span_s) / hop_s), first + 1);
    let most = 0;
    for (let frame = first; frame < Math.min(end, values.length); frame++) most = Math.max(most, values[frame]);
    context.lineTo(view.left + x, foot - (most / 255) * tall);
    context.lineTo(view.left + x + 1, foot - (most / 255) * tall);
  }
  context.lineTo(view.left + view.width, foot);
  context.globalAlpha = 0.2;
  context.fillStyle = inks.hit;
  context.fill();
  context.globalAlpha = 0.9;
  context.strokeStyle = inks.hit;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 0.65;
  const line = Math.round(foot - comparison.threshold(lane, event) * tall) + 0.5;
  context.strokeStyle = inks.ink;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(view.left, line);
  context.lineTo(view.left + view.width, line);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
  paintDecision(context, comparison.of(lane, event).decision, lane.track.hop_s, foot, { view, inks, stripes });
}

/** What is decided in the frames in sight, and a few beside them, as pieces must not seem to end where the view does. */
function paintDecision(context, decision, hop_s, foot, { view, inks, stripes }) {
  const beside = Math.ceil((4 * view.span_s) / view.width / hop_s);
  const from = Math.max(Math.floor(view.from_s / hop_s) - beside, 0);
  const to = Math.min(Math.ceil(view.to_s / hop_s) + beside, decision.values.length);
  const until = [0, 0, 0, 0]; // by kind, how far pixels are filled: of half an hour, hundreds share one
  eachPiece(decision, from, to, (first, last, kind) => {
    let x = view.x(first * hop_s);
    const end = view.x(last * hop_s);
    if (end - x < 1) x = Math.floor(x);
    const width = Math.max(end - x, 1);
    if (x + width <= until[kind]) return;
    until[kind] = x + width;
    if (kind === MISSED) {
      context.strokeStyle = inks.missed;
      context.strokeRect(x + 0.5, foot + 2.5, Math.max(width - 1, 0.5), STRIP - 2);
    } else {
      context.fillStyle = kind === HIT ? inks.hit : width > 3 ? stripes : inks.false;
      context.fillRect(x, foot + 2, width, STRIP - 1);
    }
  });
}

function paintSpans(context, row, top, { view, inks, comparison, selection }) {
  const { lane, event } = row;
  const colour = lane.isReference ? inks.annotated : inks.layer;
  for (const span of inSight(comparison.of(lane, event).spans, view)) {
    const x = view.x(span[0]);
    const width = Math.max(view.x(span[1]) - x, 1.5);
    context.fillStyle = colour;
    context.globalAlpha = 0.82;
    context.fillRect(x, top + 4, width, row.height - 8);
    context.globalAlpha = 1;
    if (selection && lane.editable && selection.lane === lane && selection.span === span) {
      context.strokeStyle = inks.selected;
      context.lineWidth = 2;
      context.strokeRect(x - 1, top + 3, width + 2, row.height - 6);
      context.lineWidth = 1;
    }
  }
}

const inSight = (spans, view) => spans.filter(([onset, offset]) => offset >= view.from_s && onset <= view.to_s);

/** A text that fits into so many pixels, shortened where it must be. */
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let shorter = text;
  while (shorter.length > 1 && context.measureText(`${shorter}…`).width > width) shorter = shorter.slice(0, -1);
  return `${shorter}…`;
}

/** Stripes for false alarms, so that they differ from hits without their colour too. */
function stripesOf(context, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 5;
  const inside = tile.getContext("2d");
  inside.globalAlpha = 0.45;
  inside.fillStyle = colour;
  inside.fillRect(0, 0, 5, 5);
  inside.globalAlpha = 1;
  inside.fillRect(0, 0, 2, 5);
  return context.createPattern(tile, "repeat");
}
