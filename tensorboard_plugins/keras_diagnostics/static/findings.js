/** What is wrong, where, since when, and what to do: the first card of each page. */

import { ApiError, ask } from "./api.js";
import { Card } from "./card.js";
import { ICONS } from "./icons.js";
import { chip, withCode } from "./pieces.js";
import { element, fill, icon } from "./dom.js";
import { formatSteps } from "./format.js";

const MOST = 12; // rows at first
const MOST_OF_MANY = 4; // of a comparison, whose table is next: causes alone
const COLUMNS = ["Severity", "Finding", "Run", "Layer", "Steps", "Evidence", "Remedy", "Confidence"];

export class FindingsCard {
  /**
   * @param {Context} context What all cards share.
   * @param {function(): Array<string>} runs Names of the runs whose findings to show.
   */
  constructor(context, runs) {
    this.id = "findings";
    this.findings = [];
    this._context = context;
    this._runs = runs;
    this._all = false;
    this.card = new Card("findings", "Findings");
    this.card.element.classList.add("wide");
    this.card.body.classList.add("findings");
    this.card.showLoading();
  }

  /** @return {HTMLElement} */
  get element() {
    return this.card.element;
  }

  /** Asks the server anew. */
  async refresh() {
    this.card.showLoading();
    try {
      this._show(await ask("findings", { run: this._runs() }, "findings"));
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      this.card.showFailure(error.message, () => this.refresh());
    }
    this._context.findingsChanged();
  }

  /** Follows a change of the state. */
  update(state, changed) {
    if (changed.has("view") || changed.has("run") || changed.has("runs")) this.refresh();
    if (changed.has("finding")) this.mark();
  }

  /** Shows which finding is marked in the charts. */
  mark() {
    const { finding } = this._context.store.state;
    for (const row of this.element.querySelectorAll("tr[data-finding]")) {
      const marked = row.dataset.finding === finding;
      row.classList.toggle("marked", marked);
      row.querySelector("button").setAttribute("aria-pressed", String(marked));
    }
  }

  /** Leaves the page. */
  remove() {
    this.element.remove();
  }

  _show(answer) {
    const { card } = this;
    this.findings = answer.findings;
    card.title = answer.summary;
    card.how = answer.findings.length ? answer.how : null;
    this._header = answer.header ? runHeader(answer.header) : null;
    card.problems = answer.problems ?? [];
    const looks = answer.looked_at;
    const isSaid = looks.length !== 1 || answer.summary.includes(looks[0].text);
    card.shown = isSaid ? null : looks[0].text;
    fill(card.actions, this._links());
    this._showTable();
    card.showBody();
    card.body.hidden = !answer.findings.length && !this._header;
    const well = looks.length > 0 && looks.every(({ examined }) => examined);
    this.element.classList.toggle("well", well && !answer.findings.length);
  }

  _links() {
    const runs = this._runs();
    return [["json", "JSON"], ["markdown", "Markdown"]].map(([format, word]) => {
      const query = new URLSearchParams([["format", format], ...runs.map((run) => ["run", run])]);
      const label = `Save the findings as ${word}`;
      const attributes = { class: "button small", download: "", title: label, "aria-label": label };
      return element("a", { ...attributes, href: `./export?${query}` }, icon(ICONS.download), word);
    });
  }

  _showTable() {
    const several = this._context.store.state.view === "compare";
    const first = several
      ? this.findings.filter(({ depth }) => !depth).slice(0, MOST_OF_MANY)
      : this.findings.slice(0, MOST);
    const shown = this._all ? this.findings : first;
    const columns = COLUMNS.filter((column) => several || column !== "Run");
    const head = columns.map((column) => element("th", { scope: "col", role: "columnheader" }, column));
    const table = element(
      "table",
      { class: several ? "findings several" : "findings", role: "table" },
      element("caption", { class: "unseen" }, "Findings"),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head)),
      element("tbody", { role: "rowgroup" }, shown.map((finding) => this._row(finding, several))),
    );
    const more = this.findings.length > shown.length ? this._more() : null;
    fill(this.card.body, this._header, this.findings.length ? table : null, more);
    this.mark();
  }

  _more() {
    const show = () => {
      this._all = true;
      this._showTable();
    };
    const text = `Show all ${this.findings.length} findings`;
    return element("button", { class: "button more", on: { click: show } }, text);
  }

  _row(finding, several) {
    const { id, severity, code, run, layer, first_step, last_step, cause, depth } = finding;
    const button = element(
      "button",
      { type: "button", class: "row-button mono", on: { click: () => this._context.choose(finding) } },
      code,
    );
    const because = cause ? element("p", { class: "how" }, "follows from ", element("code", {}, cause)) : null;
    const made = element(
      "tr",
      { role: "row", class: depth ? "consequence" : null, "data-finding": id },
      cell("severity", chip(severity)),
      cell("code", element("div", {}, button, because)),
      several ? cell("run", element("span", { class: "name", title: run }, run)) : null,
      cell("layer", layer ? element("span", { class: "mono name", title: layer }, layer) : "whole model"),
      cell("steps", formatSteps(first_step, last_step)),
      cell("evidence", withCode(finding.evidence)),
      cell("remedy", finding.as_for ? asFor(finding.as_for) : withCode(finding.remedy)),
      cell("confidence", `${Math.round(finding.confidence * 100)} %`),
    );
    if (depth) made.style.setProperty("--depth", depth);
    return made;
  }
}

/** What is said of the whole run: how it went, in one line and a few numbers. */
function runHeader({ severity, verdict, facts }) {
  const pairs = facts.map(({ name, value, note }) =>
    element(
      "div",
      {},
      element("dt", {}, name),
      element("dd", {}, value, note ? element("small", {}, ` ${note}`) : null),
    ),
  );
  return element(
    "div",
    { class: "run-header" },
    element("p", { class: `verdict ${severity}` }, icon(ICONS[severity] ?? ICONS.info), verdict),
    element("dl", { class: "facts" }, pairs),
  );
}

/** Equal remedies are said once. */
function asFor([code, layer]) {
  const where = layer ? [" in ", element("span", { class: "mono" }, layer)] : [];
  return element("span", { class: "how" }, "as for ", element("code", {}, code), ...where);
}

function cell(name, ...content) {
  return element("td", { class: name, role: "cell" }, content);
}
