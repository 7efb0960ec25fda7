/** Which cards stand on which page. */

import { FigureCard } from "./figure_card.js";
import { FindingsCard } from "./findings.js";
import { LayerChoice } from "./layer_choice.js";
import { MissingCard } from "./missing.js";
import { RunTable } from "./compare.js";
import { comparedRuns } from "./selection.js";

const ONLY_COMPARED = "compare";
const DRILL_DOWN = "histogram";

/**
 * Returns the cards of the page that the state asks for.
 *
 * @param {Context} context What all cards share.
 * @param {Object} info As the route `runs` answers.
 * @return {Array<Object>}
 */
export function makeCards(context, info) {
  return context.store.state.view === "compare"
    ? comparePage(context, info)
    : runPage(context, info);
}

/**
 * Returns what the page is made of: another key, another page.
 *
 * @param {Context} context
 * @param {Object} info
 * @return {string}
 */
export function pageKey(context, info) {
  const { view } = context.store.state;
  if (view === "compare") return view;
  const { name, cards } = context.shownRun;
  const missing = cards.length < info.cards.length - 1;
  return JSON.stringify([view, cards, missing && name]);
}

function runPage(context, { cards }) {
  const run = context.shownRun;
  const runs = () => [context.shownRun.name];
  const [there, missing] = [[], []];
  for (const spec of cards) {
    if (spec.id === ONLY_COMPARED) continue;
    (run.cards.includes(spec.id) ? there : missing).push(spec);
  }
  const figures = there.map((spec) =>
    spec.id === DRILL_DOWN
      ? drillDown(context, spec, runs)
      : new FigureCard(context, spec, { runs }),
  );
  const rest = missing.length ? [new MissingCard(missing, run.name)] : [];
  return [new FindingsCard(context, runs), ...figures, ...rest];
}

function comparePage(context, { cards }) {
  const { store } = context;
  const names = (runs) => runs.map(({ name }) => name);
  const runs = () => names(comparedRuns(store.state, context.runs));
  const table = new RunTable(context);
  const spec = cards.find(({ id }) => id === ONLY_COMPARED);
  const asksAnew = ["runs", "layers", "from", "to"];
  const compare = new FigureCard(context, spec, {
    runs,
    asksAnew,
    wide: true,
    table: (answer) => table.make(answer),
  });
  return [new FindingsCard(context, runs), compare];
}

function drillDown(context, spec, runs) {
  const choice = new LayerChoice(context, "Layer of the histogram");
  return new FigureCard(context, spec, {
    runs,
    asksAnew: ["run", "layer", "from", "to", "all"],
    parameters: () => ({ layer: choice.current(), layers: null }),
    control: choice.element,
  });
}
