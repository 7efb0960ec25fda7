/** The charts of a card. */

import { PanelView } from "./panel_view.js";
import { element } from "./dom.js";
import { fileName } from "./format.js";
import { savePicture } from "./export.js";

export class Panels {
  /** @param {Context} context What all cards share. */
  constructor(context) {
    this._context = context;
    this._views = [];
    this._turn = 0;
    this.element = element("div", { class: "panels" });
  }

  /**
   * Draws the panels of an answer, one after the other; a later call ends this one.
   *
   * @param {Object} plotly The library.
   * @param {Array<Object>} panels As the route `figure` answers.
   * @param {Object} options `title` of the card, `range` of steps, whether it is `wide`.
   */
  async draw(plotly, panels, options) {
    this._turn += 1;
    const turn = this._turn;
    while (this._views.length > panels.length) this._views.pop().remove();
    while (this._views.length < panels.length) this._add(plotly);
    this.element.classList.toggle("several", panels.length > 1);
    const alone = panels.length === 1;
    for (const [at, panel] of panels.entries()) {
      await this._views[at].draw(panel, { ...options, alone });
      if (turn !== this._turn) return;
    }
    this.mark();
  }

  /** Moves cursor and marks. */
  mark() {
    const marks = this._context.marks();
    for (const view of this._views) view.mark(marks);
  }

  /** @param {boolean} wide Whether the card has the full width. */
  resize(wide) {
    for (const view of this._views) view.resize(wide);
  }

  /**
   * Saves the charts as one picture.
   *
   * @param {string} title Of the card.
   * @param {string} run Its name becomes part of the file's.
   */
  async save(title, run) {
    const titles = this._views.map(({ panel }) => `${title} ${panel.title ?? ""}`.trim());
    const charts = this._views.map(({ chart }) => chart);
    await savePicture(charts, titles, fileName(title, run));
  }

  /** Frees what the charts hold. */
  remove() {
    this._turn += 1;
    for (const view of this._views.splice(0)) view.remove();
  }

  _add(plotly) {
    const view = new PanelView(plotly, this._context);
    this.element.append(view.element);
    this._views.push(view);
  }
}
