/** The table of runs: sorted by any column, each name opens its run. */

import { ICONS } from "./icons.js";
import { chip, dot } from "./pieces.js";
import { element, fill, icon } from "./dom.js";
import { countOf, cutMiddle, formatNumber, withoutShared } from "./format.js";

const SEVERITIES = ["error", "warning", "info"];

export class RunTable {
  /** @param {Context} context What all cards share. */
  constructor(context) {
    this._context = context;
    this._scroll = element("div", {
      class: "scroll runs",
      tabindex: "0",
      role: "region",
      "aria-label": "Compared runs",
    });
    this._choice = element("div", { class: "columns" });
    this._all = element("div", {}, this._choice, this._scroll);
  }

  /**
   * Returns the table of an answer.
   *
   * @param {Object} table As the route `figure` answers.
   * @return {HTMLElement}
   */
  make(table) {
    this._table = table;
    this._names = withoutShared(table.rows.map(([run]) => run));
    this._draw();
    return this._all;
  }

  get _sort() {
    const { sort } = this._context.store.state;
    const column = this._table.columns.findIndex(({ id }) => id === sort.replace(/^-/, ""));
    return { column: column < 0 ? null : column, down: sort.startsWith("-") };
  }

  /** Returns the places of the columns that are shown: those chosen, or those that differ. */
  _shown() {
    const chosen = this._context.store.state.columns;
    const { columns } = this._table;
    const isShown = ({ id, same }) => id === "run" || (chosen ? chosen.includes(id) : !same);
    return columns.map((_, at) => at).filter((at) => isShown(columns[at]));
  }

  _draw() {
    const { caption, columns, rows } = this._table;
    const shown = this._shown();
    const body = sorted(rows, this._sort, columns).map((row) => this._row(row, shown));
    this._drawChoice(shown);
    fill(
      this._scroll,
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, caption),
        element("thead", {}, element("tr", {}, shown.map((at) => this._head(columns[at], at)))),
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

  /** Draws the choice of columns, and says what all runs have in common. */
  _drawChoice(shown) {
    const { columns, rows } = this._table;
    const boxes = columns.slice(1).map(({ title }, number) => {
      const change = () => this._toggle(number + 1);
      const attributes = { type: "checkbox", on: { change } };
      const box = element("input", attributes);
      box.checked = shown.includes(number + 1);
      return element("label", {}, box, title);
    });
    const open = this._choice.querySelector("details")?.open ?? false;
    const count = `${shown.length} of ${countOf(columns.length, "column")}`;
    const details = element("details", {}, element("summary", {}, `Columns (${count})`), ...boxes);
    details.open = open;
    const alike = columns
      .map((column, at) => ({ ...column, value: rows[0]?.[at] ?? null }))
      .filter(({ same, value }) => same && value !== null)
      .map(({ title, numeric, value }) => `${title} ${numeric ? formatNumber(value) : value}`);
    const text = alike.length ? `The same in all runs: ${alike.join(", ")}.` : "";
    fill(this._choice, details, element("p", { class: "how" }, text));
  }

  _toggle(at) {
    const { columns } = this._table;
    const shown = this._shown();
    const after = shown.includes(at) ? shown.filter((other) => other !== at) : [...shown, at];
    this._context.store.set({ columns: after.map((place) => columns[place].id) });
    this._draw();
    this._choice.querySelectorAll("input")[at - 1].focus();
  }

  _sortBy(at) {
    const { column, down } = this._sort;
    const { id, numeric } = this._table.columns[at];
    const falls = column === at ? !down : Boolean(numeric);
    this._context.store.set({ sort: falls ? `-${id}` : id });
    this._draw();
    this._scroll.querySelectorAll("thead button")[this._shown().indexOf(at)].focus();
  }

  _row(row, shown) {
    return element(
      "tr",
      {},
      shown.map((at) => this._cell(row[at], this._table.columns[at])),
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
    const label = element("span", { class: "name" }, cutMiddle(this._names.get(name) ?? name));
    const attributes = { type: "button", class: "link", title: name, "aria-label": name };
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
