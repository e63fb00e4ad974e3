// Pointer: click to seek, drag to loop or to edit, wheel to zoom and scroll.

const DRAG = 4; // pixels before a click is a drag

/** Listen on the sound and on the lanes of a player. */
function listenToPointer(player, signal) {
  const { stage, soundCanvas, lanesBox } = player;
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  /** Row of a lane below the pointer, if any. */
  const rowAt = (y) => {
    const within = y - lanesBox.offsetTop + lanesBox.scrollTop;
    if (y < lanesBox.offsetTop) return null;
    return player.lanes.rows.find((row) => row.event && within >= row.top && within < row.top + row.height) || null;
  };
  const spanAt = (row, x) => {
    if (!row) return null;
    const spans = player.comparison.of(row.lane, row.event).spans.filter((one) => player.editor.partAt(one, x, player.view));
    return spans[spans.length - 1] || null;
  };
  const fromOverview = (x) => ((x - player.view.left) / player.view.width) * player.content.duration_s;
  let down = null;

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, input")) return;
    const at = place(event);
    if (at.x < player.view.left - 2 || at.x > player.view.left + player.view.width + 2) return;
    stage.focus({ preventScroll: true });
    // A captured pointer is followed beyond the picture's edge.
    stage.setPointerCapture(event.pointerId);
    const row = rowAt(at.y);
    down = { ...at, row, overview: at.y <= SOUND.overview && !player.view.whole, time_s: player.view.time(at.x), moved: false };
    if (down.overview) return player.lookAt(fromOverview(at.x) - player.view.span_s / 2);
    if (!row?.lane.editable) return;
    const span = spanAt(row, at.x);
    if (span) player.editor.begin(row.lane, span, player.editor.partAt(span, at.x, player.view), down.time_s);
    else player.editor.select(row.lane, null);
  }, { signal });

  stage.addEventListener("pointermove", (event) => {
    const at = place(event);
    const row = rowAt(at.y);
    if (!down) return player.hover(at, row, spanAt(row, at.x));
    if (!down.moved && Math.hypot(at.x - down.x, player.editor.drag ? at.y - down.y : 0) < DRAG) return;
    down.moved = true;
    const time_s = player.view.time(at.x);
    if (down.overview) player.lookAt(fromOverview(at.x) - player.view.span_s / 2);
    else if (player.editor.drag) player.editor.move(time_s, row?.lane === down.row.lane ? row.event : player.editor.drag.span[2]);
    else if (down.row?.lane.editable) player.preview = { row: down.row, from_s: down.time_s, to_s: time_s };
    else player.setRegion([Math.min(down.time_s, time_s), Math.max(down.time_s, time_s)], false);
    player.repaint();
  }, { signal });

  const up = (event) => {
    if (!down) return;
    const { moved, row, overview, time_s } = down;
    down = null;
    if (player.editor.drag) {
      player.editor.end();
    } else if (player.preview) {
      const { from_s, to_s } = player.preview;
      player.preview = null;
      if (Math.abs(to_s - from_s) >= SHORTEST_SPAN_S) player.editor.add(row.lane, from_s, to_s, row.event);
    } else if (moved && !overview) {
      player.setRegion(player.sound.region, true);
      player.seek(player.sound.region[0]);
    } else if (!overview && event.type === "pointerup") player.seek(time_s);
    player.repaint();
  };
  stage.addEventListener("pointerup", up, { signal });
  stage.addEventListener("pointercancel", up, { signal });
  stage.addEventListener("pointerleave", () => player.hover(null), { signal });

  stage.addEventListener("dblclick", (event) => {
    const at = place(event);
    const span = spanAt(rowAt(at.y), at.x);
    if (!span) return;
    player.setRegion([span[0], span[1]], true);
    player.seek(span[0]);
  }, { signal });

  // Not passive, as zooming must keep the page still; a wheel that the player does not use scrolls the page.
  stage.addEventListener("wheel", (event) => {
    const at = place(event);
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const zooming = event.ctrlKey || event.metaKey || (event.target === soundCanvas && stage.contains(document.activeElement));
    const pixels = (sideways && event.deltaX ? event.deltaX : event.deltaY) * (event.deltaMode === 1 ? 16 : 1);
    if (sideways && !player.view.whole) player.lookAt(player.view.from_s + (pixels / player.view.width) * player.view.span_s);
    else if (zooming && !sideways) player.zoom(Math.exp(-clamp(pixels, -120, 120) / 300), player.view.time(at.x));
    else return;
    event.preventDefault();
  }, { passive: false, signal });
}
