/** A chart with its title, the profile over depth beside it, and what it shows. */

import { Chart } from "./chart.js";
import { columnAt, columnValues, recordedSteps, valuesAt } from "./panel.js";
import { element, fill } from "./dom.js";
import { formatNumber } from "./format.js";

const HEIGHT = 280; // pixels, where the server suggests none
const PROFILE_DELAY = 60; // milliseconds
const MOST = 340;
const MOST_WIDE = 440;
const MOST_OF_MANY_ROWS = 780; // hundreds of layers are seen one by one, or not at all

export class PanelView {
  /**
   * @param {Object} plotly The library.
   * @param {Context} context What all cards share.
   */
  constructor(plotly, context) {
    this._plotly = plotly;
    this._context = context;
    this._title = element("h3", { class: "mono name" });
    this._place = element("div", { class: "charts" });
    this._readout = element("p", { class: "readout", "aria-live": "polite" });
    this.element = element("div", { class: "panel-view" }, this._title, this._place, this._readout);
  }

  /**
   * Draws a panel, or draws it anew.
   *
   * @param {Object} panel As the route `figure` answers.
   * @param {Object} options With `range`, `wide`, the `title` of the card, and whether
   *     the panel is `alone` in it.
   */
  async draw(panel, options) {
    const { range, wide, title, alone } = options;
    this.panel = panel;
    this._options = options;
    this._title.hidden = alone || !panel.title;
    fill(this._title, panel.title);
    const label = [title, panel.title].filter(Boolean).join(", ");
    this.chart ??= this._makeChart(label);
    this.chart.element.setAttribute("aria-label", label);
    const height = this._height(wide);
    const profile = wide && alone ? panel.profile : null; // others have no room for it
    this._place.classList.toggle("two", Boolean(profile));
    await this.chart.draw(panel, range, height);
    await this._drawProfile(profile, panel, height);
  }

  /**
   * Shows cursor and marks.
   *
   * @param {Object} marks With `step`, `layer`, `finding`, each may be null.
   */
  mark(marks) {
    if (!this.panel) return;
    this.chart.mark(marks);
    this._profile?.mark({ ...marks, finding: null });
    const { step, values } = valuesAt(this.panel, marks.step, marks.layer);
    this._read(step, values);
    this._followCursor(marks.step);
  }

  /** @param {boolean} wide Whether the card has the full width. */
  resize(wide) {
    if (this.panel) this.draw(this.panel, { ...this._options, wide });
  }

  /** Frees what the charts hold. */
  remove() {
    this.chart?.remove();
    this._profile?.remove();
    this.element.remove();
  }

  _makeChart(label) {
    const chart = new Chart(this._plotly, label, this._context.chartListeners);
    this._place.append(chart.element);
    return chart;
  }

  async _drawProfile(profile, { rows, kind }, height) {
    if (!profile) {
      this._profile?.remove();
      this._profile = null;
      return;
    }
    if (!this._profile) {
      this._profile = this._makeChart("Profile over the layers at the cursor");
      this._profile.element.classList.add("profile");
    }
    const { data, layout } = profile.figure;
    const figure = { data: data.map((trace) => ({ ...trace })), layout };
    await this._profile.draw({ figure, rows, kind, x: "value", run: null }, null, height);
    this._medians = data[0].x; // the cursor's values take their place in the copy
    this._column = null;
  }

  /** A moment later, when cursor and marks are painted: it is the slower part. */
  _followCursor(step) {
    if (!this._profile?.isDrawn) return;
    const column = columnAt(recordedSteps(this.panel), step);
    if (column === this._column) return;
    this._column = column;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._showColumn(column), PROFILE_DELAY);
  }

  _showColumn(column) {
    if (!this._profile?.isDrawn || column !== this._column) return;
    const values = column < 0 ? this._medians : columnValues(this.panel, column);
    this._profile.restyle({ x: [values] });
  }

  _read(step, values) {
    if (step === null) return fill(this._readout);
    const texts = values.flatMap(([name, value]) => [
      ` · ${name} `,
      element("b", {}, formatNumber(value)),
    ]);
    fill(this._readout, "step ", element("b", {}, formatNumber(step)), texts);
  }

  _height(wide) {
    const height = this.panel.figure.layout.meta?.height ?? HEIGHT;
    if (this.panel.kind !== "heatmap") return height; // each of its lines needs its room
    const forRows = Math.min(1.5 * this.panel.rows.length, MOST_OF_MANY_ROWS);
    return Math.min(height, Math.max(wide ? MOST_WIDE : MOST, forRows));
  }
}
