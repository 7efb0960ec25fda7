/** The choice of runs: one whose charts are shown, or several to compare. */

import { ICONS } from "./icons.js";
import { chip, dot } from "./pieces.js";
import { comparedRuns, focusedRun } from "./selection.js";
import { countOf } from "./format.js";
import { element, fill, icon } from "./dom.js";

const SEVERITIES = ["error", "warning", "info"];

export class RunMenu {
  /** @param {Store} store */
  constructor(store) {
    this._store = store;
    this._runs = [];
    this._filter = "";
    this._button = element("button", {
      type: "button",
      class: "button run-button",
      "aria-expanded": "false",
      "aria-controls": "runs",
      on: { click: () => this._toggle() },
    });
    this._search = element("input", {
      type: "search",
      placeholder: "Filter runs",
      "aria-label": "Filter runs",
      on: { input: () => this._onFilter() },
    });
    this._bulk = element("span", { class: "segments" });
    this._list = element("ul", { class: "list" });
    const head = element("div", { class: "head" }, this._search, this._bulk);
    this._panel = element("div", { class: "panel", id: "runs", hidden: true }, head, this._list);
    this.element = element("div", { class: "menu" }, this._button, this._panel);
    this.element.addEventListener("keydown", (event) => this._onKey(event));
    document.addEventListener("pointerdown", ({ target }) => {
      if (!this.element.contains(target)) this._toggle(false);
    });
  }

  /** @param {Array<Object>} runs As the route `runs` answers. */
  set runs(runs) {
    this._runs = runs;
    this.update();
  }

  /** Follows the state. */
  update() {
    const { state } = this._store;
    const compares = state.view === "compare";
    fill(this._button, this._label(state, compares), icon(ICONS.down));
    this._bulk.hidden = !compares;
    fill(this._bulk, this._bulkButton("All", null), this._bulkButton("None", []));
    if (this._panel.hidden) return;
    const shown = this._shown();
    fill(this._list, shown.map((run) => element("li", {}, this._choice(run, state, compares))));
    if (!shown.length) fill(this._list, element("li", { class: "choice" }, "No run has this name"));
  }

  _label(state, compares) {
    if (compares) {
      const count = comparedRuns(state, this._runs).length;
      return count === this._runs.length ? `All ${countOf(count, "run")}` : `${count} of ${countOf(this._runs.length, "run")}`;
    }
    const run = focusedRun(state, this._runs);
    return run ? [dot(run), element("span", { class: "name" }, run.name)] : "No run";
  }

  _bulkButton(text, runs) {
    const choose = () => {
      const shown = this._shown().map(({ name }) => name);
      this._store.set({ runs: this._filter && runs === null ? shown : runs });
    };
    return element("button", { type: "button", on: { click: choose } }, text);
  }

  _choice(run, state, compares) {
    const content = [
      dot(run),
      element("span", { class: "name" }, run.name),
      element("span", { class: "counts" }, counts(run)),
    ];
    if (!compares) {
      const current = focusedRun(state, this._runs) === run;
      const choose = () => {
        this._toggle(false);
        this._button.focus();
        this._store.set({ run: run.name, finding: null, from: null, to: null });
      };
      return element("button", { type: "button", class: "choice", "aria-current": String(current), on: { click: choose } }, content);
    }
    const chosen = comparedRuns(state, this._runs).map(({ name }) => name);
    const box = element("input", { type: "checkbox", on: { change: () => this._check(run.name) } });
    box.checked = chosen.includes(run.name);
    return element("label", { class: "choice" }, box, content);
  }

  _check(name) {
    const chosen = comparedRuns(this._store.state, this._runs).map((run) => run.name);
    const others = chosen.filter((other) => other !== name);
    const runs = others.length < chosen.length ? others : [...chosen, name];
    this._store.set({ runs: runs.length === this._runs.length ? null : runs });
    const at = this._shown().findIndex((run) => run.name === name);
    this._list.querySelectorAll("input")[at]?.focus();
  }

  _shown() {
    const words = this._filter.toLowerCase();
    return this._runs.filter(({ name }) => name.toLowerCase().includes(words));
  }

  _onFilter() {
    this._filter = this._search.value.trim();
    this.update();
  }

  _toggle(open = this._panel.hidden) {
    if (open === !this._panel.hidden) return;
    this._panel.hidden = !open;
    this._button.setAttribute("aria-expanded", String(open));
    this.update();
    if (open) this._search.focus();
  }

  _onKey(event) {
    if (event.key === "Escape" && !this._panel.hidden) {
      this._toggle(false);
      this._button.focus();
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || this._panel.hidden) return;
    event.preventDefault();
    const places = [this._search, ...this._list.querySelectorAll("button, input")];
    places[places.indexOf(document.activeElement) + by]?.focus();
  }
}

function counts(run) {
  return SEVERITIES.filter((severity) => run.findings[severity]).map((severity) =>
    chip(severity, run.findings[severity]),
  );
}
