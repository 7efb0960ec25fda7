/** Reads values from the panels that the server answers. */

/**
 * Returns the steps at which a panel has values, in order.
 *
 * @param {Object} panel
 * @return {Array<number>}
 */
export function recordedSteps(panel) {
  return panel.x === "step" ? (panel.figure.data[0]?.x ?? []) : [];
}

/**
 * Returns the column of a panel nearest to a step, or -1 if there is none.
 *
 * @param {Array<number>} steps In order.
 * @param {?number} step
 * @return {number}
 */
export function columnAt(steps, step) {
  if (step === null || !steps.length) return -1;
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1;
    else high = middle;
  }
  const before = low > 0 && step - steps[low - 1] < steps[low] - step;
  return before ? low - 1 : low;
}

/**
 * Returns the name of the row that a point of an event lies in, or null.
 *
 * @param {Object} panel
 * @param {Object} point As in the events of Plotly.
 * @return {?string}
 */
export function rowAt(panel, point) {
  const names = point.data.y ?? [];
  const at = Array.isArray(names) || ArrayBuffer.isView(names) ? names.indexOf(point.y) : -1;
  const firstNames = panel.figure.data[0]?.y ?? [];
  const row = panel.kind === "heatmap" && at >= 0 ? firstNames.indexOf(point.y) : -1;
  return panel.rows[row] ?? null;
}

/**
 * Returns the values of a column in their own unit, not as logarithms.
 *
 * @param {Object} panel Of kind "heatmap".
 * @param {number} column
 * @return {Array<?number>}
 */
export function columnValues(panel, column) {
  return panel.figure.data[0].z.map((row) => toUnit(panel, row[column] ?? null));
}

/**
 * Returns what a panel shows at a step, as pairs of name and value.
 *
 * @param {Object} panel
 * @param {?number} step
 * @param {?string} layer Heatmaps show the value of this layer only.
 * @return {{step: ?number, values: Array<Array>}}
 */
export function valuesAt(panel, step, layer) {
  if (panel.x !== "step" || step === null) return { step: null, values: [] };
  return panel.kind === "heatmap"
    ? valueOfLayer(panel, step, layer)
    : valuesOfLines(panel, step);
}

function valueOfLayer(panel, step, layer) {
  const steps = recordedSteps(panel);
  const column = columnAt(steps, step);
  if (column < 0) return { step: null, values: [] };
  const row = panel.rows.indexOf(layer);
  const values = row < 0 ? [] : [[layer, cellValue(panel, row, column)]];
  return { step: steps[column], values };
}

function valuesOfLines(panel, step) {
  const lines = panel.figure.data.filter(({ x, mode }) => x?.length && mode !== "markers");
  const near = lines.map(({ x }) => x[columnAt(x, step)]);
  const at = near.reduce((best, x) => (Math.abs(x - step) < Math.abs(best - step) ? x : best), near[0]);
  const values = [];
  for (const trace of lines) {
    let column = columnAt(trace.x, at);
    if (trace.x[column] > at) column -= 1; // what is known of epochs, known by then
    if (column >= 0) values.push([nameOfLine(panel, trace), trace.y[column]]);
  }
  return { step: at ?? null, values };
}

/** Lines are named by what they show, and where there are several runs by theirs. */
function nameOfLine({ run }, { name, meta }) {
  if (typeof meta !== "string") return name ?? "";
  return run === null ? `${meta} of ${name}` : meta;
}

function cellValue(panel, row, column) {
  const value = toUnit(panel, panel.figure.data[0].z[row][column] ?? null);
  if (value !== null) return value;
  const step = panel.figure.data[0].x[column];
  const name = panel.figure.data[0].y[row];
  const alarms = panel.figure.data[1];
  const hit = alarms?.z?.[alarms.y.indexOf(name)]?.[alarms.x.indexOf(step)];
  return hit ? "NaN or Inf" : null;
}

function toUnit(panel, value) {
  if (value === null || !panel.log) return value;
  return value === panel.zero ? 0 : 10 ** value;
}
