/** One figure: drawn by Plotly, marked by us, moved through by mouse and keyboard. */

import { Marks } from "./marks.js";
import { drawInTurn } from "./plotting.js";
import { element } from "./dom.js";
import { drawable, stepOfPoint } from "./raster.js";
import { recordedSteps, rowAt } from "./panel.js";

const CONFIG = {
  displayModeBar: false,
  doubleClick: false,
  doubleClickDelay: 500, // ms; a page that draws is slow to see the second click
  showTips: false,
};
const LINE = 13; // pixels of a name
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @typedef {Object} ChartListeners
 * @property {function(?number)} onHover Called with the step under the mouse.
 * @property {function(?number, ?string)} onPick Called with a chosen step and layer.
 * @property {function(?number, ?number)} onRange Called with a range of steps, or
 *     nulls for all.
 */
export class Chart {
  /**
   * @param {Object} plotly The library.
   * @param {string} label What is shown, for screen readers.
   * @param {ChartListeners} listeners
   */
  constructor(plotly, label, listeners) {
    this._plotly = plotly;
    this._listeners = listeners;
    this._place = { step: null, layer: null };
    this._plot = element("div", { class: "plot" });
    this.element = element(
      "div",
      {
        class: "chart",
        tabindex: "0",
        role: "group",
        "aria-roledescription": "chart",
        "aria-label": label,
        on: { keydown: (event) => this._onKey(event) },
      },
      this._plot,
    );
    this._marks = new Marks(this._plot);
    this.element.append(this._marks.element);
    this._sizes = new ResizeObserver(() => this._fit());
    this._sizes.observe(this.element);
  }

  /**
   * Draws a panel, or draws it anew.
   *
   * @param {Object} panel As the route `figure` answers.
   * @param {?Array<number>} range First and last step on the axis.
   * @param {number} height In pixels.
   */
  async draw(panel, range, height) {
    this.panel = panel;
    this._plot.style.height = `${height}px`;
    const { layout } = panel.figure;
    const framed = { ...layout, xaxis: { ...layout.xaxis } };
    if (panel.x === "step" && range) framed.xaxis.range = widen(range);
    if (panel.rows.length) framed.yaxis = legible(layout.yaxis, height - aboveAndBelow(layout));
    await drawInTurn(async () => {
      if (this._removed) return;
      const data = drawable(panel, this._plot.clientWidth);
      await this._plotly.react(this._plot, data, framed, CONFIG);
    });
    if (this._removed) return;
    if (!this._listening) this._listen();
    if (this._outgrown) this._fit();
    this._marks.place(panel);
  }

  /**
   * Shows the cursor and what is chosen; redraws nothing.
   *
   * @param {Object} marks With `step`, `layer` and `finding`, each may be null.
   */
  mark(marks) {
    this._place = { step: marks.step, layer: marks.layer };
    this._marks.show(marks, this.panel);
  }

  /** @return {boolean} Whether there is something to mark and to change. */
  get isDrawn() {
    return Boolean(this._listening) && !this._removed;
  }

  /**
   * Changes values of a trace in place.
   *
   * @param {Object} changes As for `Plotly.restyle`.
   */
  restyle(changes) {
    return this._plotly.restyle(this._plot, changes, [0]);
  }

  /**
   * Returns the chart as the address of a picture, with its marks.
   *
   * @param {string} background Its colour.
   * @param {string} title
   * @return {Promise<string>}
   */
  picture(background, title) {
    const { data, layout } = this._plot;
    const { width, height } = this._plot.getBoundingClientRect();
    const shapes = [...(layout.shapes ?? []), ...this._marks.shapes(this.panel)];
    const margin = { ...layout.margin, t: Math.max(layout.margin?.t ?? 0, 44) };
    const text = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return this._plotly.toImage(
      {
        data,
        layout: {
          ...layout,
          shapes,
          margin,
          paper_bgcolor: background,
          title: { text, x: 0.02, font: { size: 14 } },
        },
      },
      { format: "png", width, height: height + 24, scale: 2 },
    );
  }

  /** Frees what Plotly holds. */
  remove() {
    this._removed = true;
    this._sizes.disconnect();
    this._plotly.purge(this._plot);
    this.element.remove();
  }

  _listen() {
    this._listening = true;
    const { onHover, onPick, onRange } = this._listeners;
    const stepOf = ({ points }) => (this.panel.x === "step" ? stepOfPoint(points[0]) : null);
    const pick = (event) => onPick(stepOf(event), rowAt(this.panel, event.points[0]));
    this._plot.on("plotly_hover", (event) => onHover(stepOf(event)));
    this._plot.on("plotly_unhover", () => onHover(null));
    this._plot.on("plotly_click", (event) => event.points?.length && pick(event));
    this._plot.on("plotly_relayout", (change) => {
      const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (this.panel.x !== "step" || from === undefined) return;
      onRange(Math.max(0, Math.round(from)), Math.round(to));
    });
    this._plot.on("plotly_doubleclick", () => onRange(null, null));
    this._plot.on("plotly_afterplot", () => this._marks.place(this.panel));
  }

  _fit() {
    this._outgrown = !this._listening; // Plotly may be drawing for the size before
    const { width, height } = this.element.getBoundingClientRect();
    if (this._listening && width && height) this._plotly.Plots.resize(this._plot);
  }

  _onKey(event) {
    const move = MOVES[event.key];
    if (!move || !this.panel || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { onPick } = this._listeners;
    const [sideways, downwards] = move;
    const steps = this.panel.x === "step" ? recordedSteps(this.panel) : [];
    onPick(
      next(steps, nearest(steps, this._place.step), sideways),
      next(this.panel.rows, this.panel.rows.indexOf(this._place.layer), downwards),
    );
  }
}

/** Half a step of room on both sides, so that the outer cells are whole. */
function widen([from, to]) {
  return [from - 0.5, to + 0.5];
}

function nearest(steps, step) {
  if (step === null || !steps.length) return -1;
  return steps.reduce(
    (best, value, at) =>
      Math.abs(value - step) < Math.abs(steps[best] - step) ? at : best,
    0,
  );
}

function next(values, at, by) {
  if (!values.length) return null;
  if (by === 0) return at < 0 ? null : values[at];
  if (at < 0) return by > 0 ? values[0] : values[values.length - 1];
  return values[Math.min(Math.max(at + by, 0), values.length - 1)];
}

function aboveAndBelow({ margin }) {
  return (margin?.t ?? 0) + (margin?.b ?? 0);
}

/** Returns an axis of names with as many of them as can stand below one another. */
function legible(axis, room) {
  const { tickvals, ticktext } = axis;
  const each = Math.ceil((LINE * (tickvals?.length ?? 0)) / Math.max(room, LINE));
  if (each <= 1) return axis;
  const kept = (_, at) => at % each === 0;
  return { ...axis, tickvals: tickvals.filter(kept), ticktext: ticktext.filter(kept) };
}
