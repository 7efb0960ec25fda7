/** Tables of text: what stands behind each chart, and all there is without Plotly. */

import { countOf, formatNumber } from "./format.js";
import { element } from "./dom.js";

/**
 * Returns the table of a figure.
 *
 * @param {Object} table As the route `figure` answers.
 * @return {HTMLElement}
 */
export function dataTable(table) {
  const { caption, columns, rows, shown, of } = table;
  const rest = of > shown ? element("p", { class: "how" }, rowsShown(shown, of)) : null;
  const head = columns.map(({ title, numeric }) =>
    element("th", { scope: "col", class: numeric ? "number" : null }, title),
  );
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, head)),
      element(
        "tbody",
        {},
        rows.map((row) => element("tr", {}, row.map((cell, at) => toCell(cell, columns[at], at)))),
      ),
    ),
    rest,
  );
}

function toCell(cell, column, at) {
  const place = { class: column?.numeric ? "number" : null };
  const text = column?.numeric ? formatNumber(cell) : (cell ?? "–");
  if (at === 0) return element("th", { ...place, scope: "row" }, text);
  return element("td", place, text);
}

function rowsShown(shown, of) {
  return `${shown.toLocaleString("en-US")} of ${countOf(of, "row")} shown`;
}
