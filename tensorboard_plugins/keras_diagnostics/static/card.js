/** The frame of every card: title, how to read it, what went wrong, and a body. */

import { ICONS } from "./icons.js";
import { element, fill, icon } from "./dom.js";

export class Card {
  /**
   * @param {string} id Names the card in the page and in the address.
   * @param {string} title
   */
  constructor(id, title) {
    this.id = id;
    this._title = element("h2", { id: `title-${id}` }, title);
    this._shown = element("span", { class: "shown" });
    this.actions = element("div", { class: "actions" });
    this._how = element("p", { class: "how", hidden: true });
    this._problems = element("div");
    this.body = element("div", { class: "body" });
    this._message = element("div", { class: "message", hidden: true });
    this.element = element(
      "section",
      { class: "card", "data-card": id, "aria-labelledby": `title-${id}` },
      element("header", {}, this._title, this._shown, this.actions),
      this._how,
      this._problems,
      this.body,
      this._message,
    );
  }

  /** @param {string} text The title. */
  set title(text) {
    fill(this._title, text);
  }

  /** @return {string} */
  get title() {
    return this._title.textContent;
  }

  /** @param {?string} text One line that says how to read the card. */
  set how(text) {
    this._how.hidden = !text;
    fill(this._how, text);
  }

  /** @param {?string} text How much of what was recorded is shown. */
  set shown(text) {
    fill(this._shown, text);
  }

  /** @param {Array<{run: ?string, text: string}>} problems What could not be read. */
  set problems(problems) {
    const texts = problems.map(({ run, text }) => (run ? `${run}: ${text}` : text));
    fill(
      this._problems,
      [...new Set(texts)].map((text) => element("p", { class: "problem" }, text)),
    );
  }

  /** Shows the body. */
  showBody() {
    this._state("ok");
    this._message.hidden = true;
    this.body.hidden = false;
  }

  /** Says that the first answer is on its way; what is shown already stays. */
  showLoading() {
    this.element.setAttribute("aria-busy", "true");
    if (this.element.dataset.state === "ok") return;
    const words = element("span", { class: "unseen" }, "Loading");
    this._show("loading", element("div", { class: "spinner" }), words);
  }

  /** @param {string} text Why there is nothing, and what to do to have something. */
  showEmpty(text) {
    this._show("empty", element("p", {}, text));
  }

  /**
   * @param {string} text What went wrong.
   * @param {function()} retry
   */
  showFailure(text, retry) {
    const again = element("button", { class: "button", on: { click: retry } }, "Try again");
    this._show("failed", element("p", {}, text), again);
  }

  _show(state, ...content) {
    this._state(state);
    this._message.className = `message ${state}`;
    this._message.hidden = false;
    this.body.hidden = true;
    fill(this._message, content);
  }

  _state(state) {
    this.element.dataset.state = state;
    if (state !== "loading") this.element.removeAttribute("aria-busy");
  }
}

/**
 * Returns a button that shows an icon only.
 *
 * @param {string} name Of the icon.
 * @param {string} label What the button does.
 * @param {function()} action
 * @return {HTMLButtonElement}
 */
export function iconButton(name, label, action) {
  const attributes = { type: "button", class: "icon-button", "aria-label": label };
  const on = { click: action };
  return element("button", { ...attributes, title: label, on }, icon(ICONS[name]));
}
