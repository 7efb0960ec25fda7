/** A card whose charts the server describes. */

import { ApiError, ask, figureShown } from "./api.js";
import { Card, iconButton } from "./card.js";
import { Panels } from "./panels.js";
import { columnsFor } from "./selection.js";
import { dataTable } from "./tables.js";
import { element, fill } from "./dom.js";

const ASKS_ANEW = ["run", "layers", "from", "to", "all"];
const MARGIN = 400; // pixels around the window in which cards are kept up to date
const MARKS = ["step", "layer", "finding"];

export class FigureCard {
  /**
   * @param {Context} context What all cards share.
   * @param {Object} spec Of the card, as the route `runs` answers.
   * @param {Object} options `runs` returns the names of the runs to show; `parameters`
   *     returns more parameters for the server; `asksAnew` names the keys of the state
   *     whose change needs a new answer; `table` makes the table of an answer, where it
   *     is not to be hidden behind the charts; `control` is one more element to put
   *     into the card's header; `wide` keeps the card in full width.
   */
  constructor(context, spec, options) {
    this.id = spec.id;
    this._context = context;
    this._options = { parameters: () => ({}), asksAnew: ASKS_ANEW, ...options };
    this._panels = new Panels(context);
    this._near = false;
    this._wanted = false;
    this._makeCard(spec);
    this._observe();
  }

  /** @return {HTMLElement} */
  get element() {
    return this.card.element;
  }

  /** Asks the server anew, once the card is in sight. */
  refresh() {
    this._wanted = true;
    if (this._near || this._isNear()) this._load();
  }

  /**
   * Follows a change of the state.
   *
   * @param {State} state
   * @param {Set<string>} changed
   */
  update(state, changed) {
    if (changed.has("wide")) this._setWide(state.wide === this.id);
    const metric = state.metrics[this.id] ?? null;
    const other = changed.has("metrics") && metric !== this._metric;
    if (other || this._options.asksAnew.some((key) => changed.has(key))) this.refresh();
    if (MARKS.some((key) => changed.has(key))) this.mark();
  }

  /** Moves cursor and marks. */
  mark() {
    this._panels.mark();
  }

  /** Frees what the charts hold. */
  remove() {
    this._sight.disconnect();
    this._panels.remove();
    this.element.remove();
  }

  _makeCard(spec) {
    const card = (this.card = new Card(spec.id, spec.title));
    card.how = spec.how;
    this._choice = element("select", {
      "aria-label": `What “${spec.title}” shows`,
      hidden: true,
      on: { change: () => this._choose(this._choice.value) },
    });
    this._save = iconButton("image", `Save “${spec.title}” as PNG`, () =>
      this._panels.save(card.title, this._options.runs()[0] ?? ""),
    );
    this._wide = iconButton("wide", `Full width of “${spec.title}”`, () => {
      const { store } = this._context;
      store.set({ wide: store.state.wide === this.id ? "" : this.id });
    });
    this._save.hidden = true;
    this._wide.hidden = Boolean(this._options.wide);
    const more = this._options.control ? [this._options.control] : [];
    card.actions.append(this._choice, ...more, this._save, this._wide);
    this._above = element("div");
    this._table = element("details", { class: "table" }, element("summary", {}, "Table"));
    card.body.append(this._above, this._panels.element, this._table);
    this._setWide(this._context.store.state.wide === this.id);
    card.showLoading();
  }

  _observe() {
    const onSight = (entries) => {
      this._near = entries[entries.length - 1].isIntersecting;
      if (this._near && this._wanted) this._load();
    };
    this._sight = new IntersectionObserver(onSight, { rootMargin: `${MARGIN}px` });
    this._sight.observe(this.element);
  }

  /** At once, so that cards ask in their order on the page. */
  _isNear() {
    const { top, bottom, height } = this.element.getBoundingClientRect();
    return height > 0 && top < window.innerHeight + MARGIN && bottom > -MARGIN;
  }

  async _load() {
    this._wanted = false;
    const { state } = this._context.store;
    this._metric = state.metrics[this.id] ?? null;
    this.card.showLoading();
    try {
      const answer = await ask("figure", this._query(state), this.id);
      await this._show(answer);
    } catch (error) {
      this._fail(error);
    }
    figureShown();
  }

  _query(state) {
    const [from, to] = this._context.asked(this._options.runs());
    return {
      card: this.id,
      run: this._options.runs(),
      metric: this._metric,
      layers: state.layers || null,
      from,
      to,
      columns: columnsFor(this._context.runs, this._options.runs()),
      theme: document.documentElement.dataset.theme,
      ...this._options.parameters(state),
    };
  }

  async _show(answer) {
    const { card } = this;
    this.answer = answer;
    card.title = answer.title;
    card.how = answer.how;
    card.shown = answer.steps?.text ?? null;
    card.problems = answer.problems ?? [];
    this._offer(answer);
    if (answer.state === "empty") {
      this._save.hidden = true;
      return card.showEmpty(answer.message);
    }
    card.showBody();
    this._learnLayers(answer);
    const plotly = await this._context.plotly();
    this._save.hidden = !plotly;
    this._showTable(answer, plotly);
    if (plotly) await this._draw(plotly, answer.panels);
  }

  _showTable(answer, plotly) {
    const table = (this._options.table ?? dataTable)(answer.table);
    if (this._options.table || !plotly) {
      fill(this._above, table);
      this._table.hidden = true;
    } else {
      fill(this._table, this._table.firstChild, table);
    }
  }

  _learnLayers({ panels }) {
    if (this._context.store.state.layers) return; // they are not all there
    for (const { run, rows } of panels) this._context.learnLayers(run, rows);
  }

  async _draw(plotly, panels) {
    const range = this._context.steps(this._options.runs());
    const wide = this.element.classList.contains("wide");
    await this._panels.draw(plotly, panels, { range, wide, title: this.card.title });
  }

  _fail(error) {
    if (!(error instanceof ApiError)) console.error(error);
    const words = error instanceof ApiError ? error.message : "This card has a fault.";
    this.card.showFailure(words, () => this._load());
  }

  _offer({ metrics, metric }) {
    const options = metrics.map(({ id, title }) => element("option", { value: id }, title));
    fill(this._choice, options);
    this._choice.hidden = metrics.length < 2;
    this._choice.value = metric;
  }

  _choose(metric) {
    const { store } = this._context;
    store.set({ metrics: { ...store.state.metrics, [this.id]: metric } });
  }

  _setWide(chosen) {
    const wide = chosen || Boolean(this._options.wide);
    this.element.classList.toggle("wide", wide);
    this._wide.setAttribute("aria-pressed", String(wide));
    this._panels.resize(wide);
  }
}
