/** What a run has no data for, in one card, with what to do to have it. */

import { ask } from "./api.js";
import { Card } from "./card.js";
import { element, fill } from "./dom.js";

export class MissingCard {
  /**
   * @param {Array<Object>} specs The cards without data, as the route `runs` answers.
   * @param {string} run
   */
  constructor(specs, run) {
    this.id = "missing";
    this.card = new Card("missing", "Not recorded in this run");
    this._specs = specs;
    this._run = run;
    const titles = specs.map(({ title }) => title.toLowerCase()).join(", ");
    this._list = element("dl", {}, element("dd", {}, "Loading"));
    this._details = element(
      "details",
      { on: { toggle: () => this._fill() } },
      element("summary", {}, `How to have ${titles}`),
      this._list,
    );
    this.card.body.append(this._details);
    this.card.element.classList.add("wide");
    this.card.showBody();
  }

  /** @return {HTMLElement} */
  get element() {
    return this.card.element;
  }

  /** Leaves the page. */
  remove() {
    this.element.remove();
  }

  async _fill() {
    if (this._filled) return;
    this._filled = true;
    const words = await Promise.all(this._specs.map((spec) => this._words(spec)));
    fill(this._list, words);
  }

  async _words({ id, title }) {
    try {
      const { message } = await ask("figure", { card: id, run: this._run });
      return [element("dt", {}, title), element("dd", {}, message)];
    } catch (error) {
      return [element("dt", {}, title), element("dd", {}, error.message)];
    }
  }
}
