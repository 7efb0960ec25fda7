/** The page: asks for the runs, shows their cards, follows the state and the data. */

import { ApiError, ask } from "./api.js";
import { Card } from "./card.js";
import { Context } from "./context.js";
import { Toolbar } from "./toolbar.js";
import { comparedRuns, focusedRun } from "./selection.js";
import { element, fill } from "./dom.js";
import { makeCards, pageKey } from "./pages.js";

const NOTHING_YET =
  "No diagnostics in this log directory yet. They appear here as soon as a training " +
  "with TrainingDiagnostics(log_dir), GradientLogger or ActivationLogger writes them.";
const PLOTLY_FAILED = "Tables only, no charts: Plotly could not be loaded. Reload to try again.";

export class App {
  /**
   * @param {HTMLElement} root What the page is put into.
   * @param {Store} store
   */
  constructor(root, store) {
    this._store = store;
    this._cards = [];
    this._key = null;
    this._context = new Context(store, () => this._moveCursor());
    this._toolbar = new Toolbar(store);
    this._toolbar.element.hidden = true;
    this._notes = element("div", { class: "notes" });
    this._grid = element("div", { class: "grid" });
    const heading = element("h1", { class: "unseen" }, "Diagnostics");
    this._page = element("main", { class: "page" }, heading, this._notes, this._grid);
    fill(root, this._toolbar.element, this._page);
    this._start = new Card("start", "Diagnostics");
    store.onChange((state, changed) => this._onChange(changed));
  }

  /**
   * Asks for the runs and shows them; when nothing has changed, it leaves all as is.
   *
   * @param {?Promise<Object>} asked The answer, if somebody has asked already.
   */
  async load(asked = null) {
    if (!this._info) this._showStart((card) => card.showLoading());
    let info;
    try {
      info = await (asked ?? ask("runs", {}, "runs"));
    } catch (error) {
      return this._fail(error);
    }
    const text = JSON.stringify(info);
    if (text === this._text) return;
    this._text = text;
    this._info = info;
    this._show();
  }

  /** Draws all charts anew, in the colours of another theme. */
  redraw() {
    if (!this._info?.runs.length) return;
    this._updateToolbar();
    for (const card of this._cards) card.refresh?.();
  }

  _show() {
    const { runs } = this._info;
    this._context.info = this._info;
    this._note();
    if (!runs.length) return this._showStart((card) => card.showEmpty(NOTHING_YET));
    this._toolbar.element.hidden = false;
    this._rememberRun(runs);
    this._build();
    this._updateToolbar();
    for (const card of this._cards) card.refresh?.();
  }

  /** With several runs, the one that is shown stays, also when a worse one comes. */
  _rememberRun(runs) {
    const run = focusedRun(this._store.state, runs);
    this._context.shownRun = run;
    if (runs.length < 2 || this._store.state.run === run.name) return;
    this._loading = true;
    this._store.set({ run: run.name });
    this._loading = false;
  }

  _build() {
    const key = pageKey(this._context, this._info);
    if (key === this._key) return;
    this._key = key;
    for (const card of this._cards) card.remove();
    this._cards = makeCards(this._context, this._info);
    const [findings] = this._cards;
    this._context.findings = () => findings.findings;
    this._context.findingsChanged = () => this._moveCursor();
    fill(this._grid, this._cards.map((card) => card.element));
  }

  _onChange(changed) {
    if (this._loading || !this._info?.runs.length) return;
    this._context.shownRun = focusedRun(this._store.state, this._info.runs);
    const key = this._key;
    if (changed.has("view") || changed.has("run")) this._build();
    this._updateToolbar();
    for (const card of this._cards) {
      if (key === this._key) card.update?.(this._store.state, changed);
      else card.refresh?.();
    }
  }

  _updateToolbar() {
    const { state } = this._store;
    const { shownRun, runs } = this._context;
    const shown = state.view === "compare" ? comparedRuns(state, runs) : [shownRun];
    this._toolbar.update(runs, shown, this._context.layersOf(shownRun));
  }

  _moveCursor() {
    this._frame ??= requestAnimationFrame(() => {
      this._frame = null;
      for (const card of this._cards) card.mark?.();
    });
  }

  _note() {
    const { plotly, problems } = this._info;
    const hint = plotly.available ? [] : [`Tables only, no charts. ${plotly.hint}`];
    const texts = problems.map(({ run, text }) => (run ? `${run}: ${text}` : text));
    const notes = [...hint, ...new Set(texts)];
    fill(this._notes, notes.map((text) => element("p", { class: "problem" }, text)));
    this._notes.hidden = !notes.length;
    if (plotly.available) this._context.plotly().then((loaded) => loaded || this._noCharts());
  }

  _noCharts() {
    this._notes.append(element("p", { class: "problem" }, PLOTLY_FAILED));
    this._notes.hidden = false;
  }

  _fail(error) {
    if (!(error instanceof ApiError)) console.error(error);
    if (this._info) return; // what is shown stays; the next reload may succeed
    this._showStart((card) => card.showFailure(error.message, () => this.load()));
  }

  _showStart(show) {
    for (const card of this._cards) card.remove();
    this._cards = [];
    this._key = null;
    this._toolbar.element.hidden = true;
    this._start.element.classList.add("wide");
    fill(this._grid, this._start.element);
    show(this._start);
  }
}
