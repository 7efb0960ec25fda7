/** What holds for all cards: page, runs, layers, steps and cursor. */

import { ICONS } from "./icons.js";
import { RunMenu } from "./run_menu.js";
import { element, fill, icon } from "./dom.js";
import { focusOf, stepRange } from "./selection.js";

const PATIENCE = 300; // milliseconds after the last key before the charts follow
const MOST_SUGGESTIONS = 200;

export class Toolbar {
  /** @param {Store} store */
  constructor(store) {
    this._store = store;
    this._menu = new RunMenu(store);
    this._views = element("div", { class: "segments", role: "group", "aria-label": "Page" });
    for (const [view, text] of [["run", "One run"], ["compare", "Compare"]]) {
      const on = { click: () => store.set({ view }) };
      this._views.append(element("button", { type: "button", "data-view": view, on }, text));
    }
    this._names = element("datalist", { id: "layer-names" });
    this._layers = this._layerFilter();
    this._wrong = element("span", { class: "wrong", id: "layers-wrong", role: "alert" });
    this._from = this._number("from", "First shown step");
    this._to = this._number("to", "Last shown step");
    this._step = this._number("step", "Step of the cursor");
    this._step.placeholder = "none";
    this._all = element("button", { type: "button", class: "button", hidden: true }, icon(ICONS.close), "All steps");
    this._all.addEventListener("click", () => store.set({ from: null, to: null, all: true }));
    this.element = element(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "What is shown" },
      this._views,
      this._menu.element,
      element("label", {}, "Layers", this._layers, this._names),
      this._wrong,
      element("span", { class: "field" }, "Steps", this._from, "–", this._to, this._all),
      element("label", {}, "Cursor", this._step),
    );
  }

  /**
   * Follows the state and the data.
   *
   * @param {Array<Object>} runs As the route `runs` answers.
   * @param {Array<Object>} shown Those of them that are shown.
   * @param {Array<string>} layers Names to suggest for the filter.
   */
  update(runs, shown, layers) {
    const { state } = this._store;
    this._menu.runs = runs;
    this._views.hidden = runs.length < 2;
    for (const button of this._views.children) {
      button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
    }
    if (document.activeElement !== this._layers) this._layers.value = state.layers;
    const isChosen = state.from !== null || state.to !== null;
    const all = state.all || isChosen;
    const [first, last] = stepRange({ ...state, from: null, to: null, all }, shown);
    this._show(this._from, state.from, first);
    this._show(this._to, state.to, last);
    this._show(this._step, state.step, "none");
    this._all.hidden = !isChosen && focusOf(state, shown) === null;
    const options = layers.length > MOST_SUGGESTIONS ? [] : layers;
    fill(this._names, options.map((name) => element("option", { value: name })));
  }

  _show(input, value, placeholder) {
    if (document.activeElement !== input) input.value = value ?? "";
    input.placeholder = placeholder;
  }

  _number(key, label) {
    const change = () => {
      const { value } = input;
      const valid = value !== "" && Number(value) >= 0;
      this._store.set({ [key]: valid ? Math.round(Number(value)) : null });
    };
    const attributes = { type: "number", min: "0", step: "1", "aria-label": label };
    const input = element("input", { ...attributes, on: { change } });
    return input;
  }

  _layerFilter() {
    let timer = null;
    const follow = () => {
      const layers = this._layers.value.trim();
      const wrong = whyWrong(layers);
      fill(this._wrong, wrong);
      this._layers.setAttribute("aria-invalid", String(Boolean(wrong)));
      if (!wrong) this._store.set({ layers });
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(follow, PATIENCE);
    };
    return element("input", {
      type: "search",
      list: "layer-names",
      placeholder: "regular expression",
      "aria-label": "Show layers whose names match",
      "aria-describedby": "layers-wrong",
      on: { input: wait, change: follow },
    });
  }
}

function whyWrong(expression) {
  try {
    new RegExp(expression);
    return null;
  } catch {
    return "not a regular expression";
  }
}
