/** Small pieces that several cards show. */

import { ICONS } from "./icons.js";
import { element, icon } from "./dom.js";
import { runColour } from "./selection.js";

/**
 * Returns a severity as icon and word, never as colour alone.
 *
 * @param {string} severity
 * @param {?number} count Shown in place of the word, for tables of runs.
 * @return {HTMLElement}
 */
export function chip(severity, count = null) {
  const known = severity in ICONS ? severity : "info";
  const text = count === null ? severity : count;
  const label = count === null ? null : element("span", { class: "unseen" }, ` ${severity}`);
  return element("span", { class: `chip ${known}` }, icon(ICONS[known]), text, label);
}

/**
 * Returns a text whose parts between backticks are code.
 *
 * @param {string} text
 * @return {Array<Node|string>}
 */
export function withCode(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, at) => (at % 2 ? element("code", {}, part) : part));
}

/**
 * Returns the dot in the colour of a run.
 *
 * @param {Object} run
 * @return {HTMLElement}
 */
export function dot(run) {
  const made = element("span", { class: "dot", "aria-hidden": "true" });
  made.style.background = runColour(run);
  return made;
}
