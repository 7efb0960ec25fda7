/** The table of runs: sorted by any column, each name opens its run. */

import { ICONS } from "./icons.js";
import { chip, dot } from "./pieces.js";
import { element, fill, icon } from "./dom.js";
import { formatNumber } from "./format.js";

const SEVERITIES = ["error", "warning", "info"];

export class RunTable {
  /** @param {Context} context What all cards share. */
  constructor(context) {
    this._context = context;
    this._sort = { column: null, down: true };
    this._scroll = element("div", {
      class: "scroll runs",
      tabindex: "0",
      role: "region",
      "aria-label": "Compared runs",
    });
  }

  /**
   * Returns the table of an answer.
   *
   * @param {Object} table As the route `figure` answers.
   * @return {HTMLElement}
   */
  make(table) {
    this._table = table;
    this._draw();
    return this._scroll;
  }

  _draw() {
    const { caption, columns, rows } = this._table;
    const body = sorted(rows, this._sort, columns).map((row) => this._row(row, columns));
    fill(
      this._scroll,
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, caption),
        element("thead", {}, element("tr", {}, columns.map((column, at) => this._head(column, at)))),
        element("tbody", {}, body),
      ),
    );
  }

  _head({ title, numeric }, at) {
    const { column, down } = this._sort;
    const order = down ? "descending" : "ascending";
    const attributes = { scope: "col", class: numeric ? "number" : null };
    const arrow = column === at ? icon(ICONS[down ? "down" : "up"]) : null;
    const button = element("button", { type: "button", on: { click: () => this._sortBy(at) } }, title, arrow);
    return element("th", { ...attributes, "aria-sort": column === at ? order : "none" }, button);
  }

  _sortBy(at) {
    const same = this._sort.column === at;
    const numeric = this._table.columns[at].numeric;
    this._sort = { column: at, down: same ? !this._sort.down : Boolean(numeric) };
    this._draw();
    this._scroll.querySelectorAll("thead button")[at].focus();
  }

  _row(row, columns) {
    return element(
      "tr",
      {},
      row.map((value, at) => this._cell(value, columns[at])),
    );
  }

  _cell(value, { id, numeric }) {
    if (id === "run") return element("th", { scope: "row" }, this._open(value));
    const place = { class: numeric ? "number" : "name" };
    if (SEVERITIES.includes(id)) return element("td", place, value ? chip(id, value) : "–");
    return element("td", place, numeric ? formatNumber(value) : (value ?? "–"));
  }

  _open(name) {
    const run = this._context.runs.find((other) => other.name === name);
    const open = () => this._context.store.set({ view: "run", run: name, finding: null });
    const label = element("span", { class: "name" }, name);
    const attributes = { type: "button", class: "link", title: "Show this run" };
    return element("button", { ...attributes, on: { click: open } }, run ? dot(run) : null, label);
  }
}

function sorted(rows, { column, down }, columns) {
  if (column === null) return rows;
  const sign = down ? -1 : 1;
  const compare = columns[column].numeric ? compareNumbers : compareTexts;
  return [...rows].sort((left, right) => {
    const [a, b] = [left[column], right[column]];
    const missing = (a === null) - (b === null); // last, whichever way it is sorted
    return missing || (a === null ? 0 : sign * compare(a, b));
  });
}

function compareNumbers(a, b) {
  return rank(a) - rank(b) || 0;
}

/** "NaN" and "Inf" are the worst of losses: above all numbers. */
function rank(value) {
  return { NaN: Number.MAX_VALUE, Inf: Number.MAX_VALUE, "-Inf": -Number.MAX_VALUE }[value] ?? value;
}

function compareTexts(a, b) {
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
