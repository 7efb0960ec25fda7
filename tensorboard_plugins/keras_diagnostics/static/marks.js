/**
 * The cursor and the marks over a chart: elements of our own above Plotly's drawing,
 * so that moving them redraws nothing, whatever the size of the chart.
 */

import { colour } from "./theme.js";
import { element } from "./dom.js";

const MIN_WIDTH = 6;
const WHOLE = 0.95; // of the width of a chart

export class Marks {
  /** @param {HTMLElement} plot The element that Plotly draws in. */
  constructor(plot) {
    this._plot = plot;
    this._marks = { step: null, layer: null, finding: null };
    this._cursor = element("div", { class: "cursor", hidden: true });
    this._mark = element("div", { class: "mark", hidden: true });
    this._row = element("div", { class: "row-mark", hidden: true });
    this.element = element("div", { class: "marks" }, this._row, this._mark, this._cursor);
  }

  /**
   * Shows other marks.
   *
   * @param {Object} marks With `step`, `layer` and `finding`, each may be null.
   * @param {?Object} panel What is drawn, if anything.
   */
  show(marks, panel) {
    this._marks = marks;
    if (panel) this.place(panel);
  }

  /** Puts the marks where they belong after the chart was drawn or resized. */
  place(panel) {
    const area = plotArea(this._plot);
    const { step, layer, finding } = this._marks;
    const row = panel.rows.indexOf(layer);
    put(this._row, area && row >= 0 && rectangle(area, null, span(row)));
    if (panel.x !== "step") return put(this._cursor), put(this._mark);
    put(this._cursor, area && step !== null && cursor(area, step));
    const box = finding && boxOf(finding, panel);
    const place = area && box && rectangle(area, box.steps, box.rows);
    this._mark.classList.toggle("band", Boolean(box && !box.rows));
    // Where it lasts from end to end, a filled band would tell nothing.
    this._mark.classList.toggle("whole", Boolean(place && place.width > WHOLE * area.width));
    put(this._mark, place);
  }

  /**
   * Returns the marks as shapes of Plotly, for a picture.
   *
   * @param {Object} panel
   * @return {Array<Object>}
   */
  shapes(panel) {
    if (panel.x !== "step") return [];
    const { step, finding } = this._marks;
    const line = { color: colour("ink"), width: 2 };
    const shapes = [];
    const box = finding && boxOf(finding, panel);
    if (box) {
      const [x0, x1] = box.steps;
      const [y0, y1] = box.rows ?? [0, 1];
      const yref = box.rows ? "y" : "paper";
      shapes.push({ type: "rect", xref: "x", yref, x0, x1, y0, y1, line });
    }
    if (step !== null) {
      const place = { xref: "x", yref: "paper", x0: step, x1: step, y0: 0, y1: 1 };
      shapes.push({ type: "line", ...place, line: { ...line, width: 1 } });
    }
    return shapes;
  }
}

function boxOf(finding, panel) {
  if (panel.run !== null && panel.run !== finding.run) return null;
  const row = panel.rows.indexOf(finding.layer);
  const steps = [finding.first_step, finding.last_step];
  return { steps, rows: row < 0 ? null : span(row) };
}

function span(row) {
  return [row - 0.5, row + 0.5];
}

/** Where the axes are, in pixels: the only place that reads Plotly's own state. */
function plotArea(plot) {
  const full = plot._fullLayout;
  if (!full?.xaxis || !full._size?.w) return null;
  const { l: left, t: top, w: width, h: height } = full._size;
  return { left, top, width, height, x: full.xaxis, y: full.yaxis };
}

function cursor(area, step) {
  const x = area.x.l2p(step);
  if (!(x >= 0 && x <= area.width)) return null;
  return { left: area.left + x, top: area.top, height: area.height };
}

function rectangle(area, steps, rows) {
  let [left, right] = steps ? steps.map((step) => area.x.l2p(step)) : [0, area.width];
  if (right - left < MIN_WIDTH) {
    const middle = (left + right) / 2;
    [left, right] = [middle - MIN_WIDTH / 2, middle + MIN_WIDTH / 2];
  }
  if (right < 0 || left > area.width) return null;
  left = Math.max(left, 0);
  right = Math.min(right, area.width);
  let [top, bottom] = [0, area.height];
  if (rows) [top, bottom] = rows.map((row) => area.y.l2p(row)).sort((a, b) => a - b);
  if (bottom - top < 4) [top, bottom] = [top - 1, bottom + 3];
  const place = { left: area.left + left, width: right - left };
  return { ...place, top: area.top + top, height: bottom - top };
}

function put(mark, place) {
  mark.hidden = !place;
  for (const [side, pixels] of Object.entries(place || {})) {
    mark.style[side] = `${pixels}px`;
  }
}
