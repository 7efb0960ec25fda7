/** What the state means for the runs that there are. */

const MOST_CELLS = 75_000; // of a heatmap: each takes its time to draw
const WEIGHTS = { error: 1e6, warning: 1e3, info: 1 };

/**
 * Returns the run whose charts are shown: the chosen one, or the one that needs a
 * look most, or null if there is none.
 *
 * @param {State} state
 * @param {Array<Object>} runs As the route `runs` answers.
 * @return {?Object}
 */
export function focusedRun(state, runs) {
  const chosen = runs.find((run) => run.name === state.run);
  if (chosen) return chosen;
  return runs.reduce(
    (worst, run) => (!worst || weight(run) > weight(worst) ? run : worst),
    null,
  );
}

/**
 * Returns the runs to compare, in the order of the server.
 *
 * @param {State} state
 * @param {Array<Object>} runs
 * @return {Array<Object>}
 */
export function comparedRuns(state, runs) {
  if (state.runs === null) return runs;
  return runs.filter((run) => state.runs.includes(run.name));
}

/**
 * Returns the steps that all charts over steps show, as `[first, last]`.
 *
 * @param {State} state
 * @param {Array<Object>} runs Those that are shown.
 * @return {Array<number>}
 */
export function stepRange(state, runs) {
  const zoomed = focusOf(state, runs);
  if (zoomed) return zoomed;
  const firsts = runs.map((run) => run.first_step).filter(Number.isFinite);
  const lasts = runs.map((run) => run.last_step).filter(Number.isFinite);
  const first = firsts.length ? Math.min(...firsts) : 0;
  const last = lasts.length ? Math.max(...lasts) : first;
  const from = state.from ?? first;
  return [from, Math.max(state.to ?? last, from)];
}

/**
 * Returns the steps that a run is shown at first, those before a NaN, or null for all.
 *
 * @param {State} state
 * @param {Array<Object>} runs Those that are shown.
 * @return {?Array<number>}
 */
export function focusOf(state, runs) {
  const isChosen = state.all || state.from !== null || state.to !== null;
  if (isChosen || state.view === "compare" || runs.length !== 1) return null;
  return runs[0].focus ?? null;
}

/**
 * Returns how many steps to show at a time; a narrower range brings more detail.
 *
 * @param {Array<Object>} runs As the route `runs` answers.
 * @param {Array<string>} names Of those that are shown.
 * @return {number}
 */
export function columnsFor(runs, names) {
  const shown = runs.filter(({ name }) => names.includes(name));
  const rows = Math.max(1, ...shown.map((run) => run.layer_count));
  return Math.round(Math.min(300, Math.max(120, MOST_CELLS / rows)));
}

/**
 * Returns the colour of a run in the theme.
 *
 * @param {Object} run
 * @return {string}
 */
export function runColour(run) {
  const dark = document.documentElement.dataset.theme === "dark";
  return dark ? run.dark_color : run.color;
}

function weight(run) {
  return Object.entries(run.findings ?? {}).reduce(
    (sum, [severity, count]) => sum + (WEIGHTS[severity] ?? 0) * count,
    0,
  );
}
