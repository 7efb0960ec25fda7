/** The choice of the layer that a card looks at more closely. */

import { element, fill } from "./dom.js";

export class LayerChoice {
  /**
   * @param {Context} context What all cards share.
   * @param {string} label What is chosen, for screen readers.
   */
  constructor(context, label) {
    this._context = context;
    this._names = [];
    const change = () => context.store.set({ layer: this.element.value });
    this.element = element("select", { class: "mono", "aria-label": label, on: { change } });
  }

  /**
   * Returns the chosen layer: that of the state, if the run has it, or else the one
   * that needs a look most, or else the first; null if the run has none.
   *
   * @return {?string}
   */
  current() {
    const run = this._context.shownRun;
    const names = this._context.layersOf(run);
    const wishes = [this._context.store.state.layer, run?.worst?.layer, names[0]];
    const layer = wishes.find((name) => names.includes(name)) ?? null;
    if (names.join("\n") !== this._names.join("\n")) {
      fill(this.element, names.map((name) => element("option", { value: name }, name)));
      this._names = names;
    }
    this.element.value = layer ?? "";
    return layer;
  }
}
