/**
 * Heatmaps of many cells, on a grid as fine as the screen.
 *
 * Plotly paints cells of uneven width one by one, which takes longer than all else, but
 * an even grid as one picture. Each column of the grid shows the recorded step next to
 * it, as a cell between two edges does, and `customdata` holds that step.
 */

const FEW = 20_000; // cells that are painted in no time as they are
const MOST = 200_000; // cells of a grid

/**
 * Returns the traces of a panel as they are to be drawn.
 *
 * @param {Object} panel As the route `figure` answers.
 * @param {number} width Of the chart in pixels.
 * @return {Array<Object>}
 */
export function drawable(panel, width) {
  const { data } = panel.figure;
  if (panel.kind !== "heatmap" || panel.x !== "step") return data;
  const [{ x: steps, z }] = data;
  if (steps.length * z.length <= FEW || isEven(steps)) return data;
  const count = Math.max(steps.length, Math.min(Math.round(width), Math.floor(MOST / z.length)));
  const grid = makeGrid(steps, count, brokenSteps(data[1]));
  return data.map((trace) => onGrid(trace, steps, grid));
}

/**
 * Returns the recorded step of a point of an event, whether it lies on a grid or not.
 *
 * @param {Object} point As in the events of Plotly.
 * @return {number}
 */
export function stepOfPoint(point) {
  return point.customdata ?? point.x;
}

/** As Plotly tells it, which is content with a hundredth of a column. */
function isEven(steps) {
  const each = (steps.at(-1) - steps[0]) / (steps.length - 1);
  return steps.every((step, at) => !at || Math.abs(step - steps[at - 1] - each) <= each / 100);
}

function brokenSteps(alarms) {
  const columns = new Set();
  for (const row of alarms?.z ?? []) {
    row.forEach((cell, column) => cell && columns.add(column));
  }
  return [...columns].map((column) => alarms.x[column]);
}

/** Where the columns are, and the index of the step that each of them shows. */
function makeGrid(steps, count, broken) {
  const last = steps.length - 1;
  const from = steps[0] - (steps[1] - steps[0]) / 2;
  const each = (steps[last] + (steps[last] - steps[last - 1]) / 2 - from) / count;
  const centres = Array.from({ length: count }, (_, column) => from + (column + 0.5) * each);
  let at = 0;
  const shown = centres.map((centre) => {
    while (at < last && centre > (steps[at] + steps[at + 1]) / 2) at += 1;
    return at;
  });
  const there = new Set(shown);
  for (const step of broken) {
    const index = steps.indexOf(step);
    // What is narrower than a column must not be lost if it is an alarm.
    if (!there.has(index)) shown[Math.min(Math.floor((step - from) / each), count - 1)] = index;
  }
  return { centres, shown };
}

/** The columns that a trace has values for, which may be part of the grid. */
function onGrid(trace, steps, { centres, shown }) {
  const offset = steps.indexOf(trace.x[0]);
  const inside = (index) => index >= offset && index < offset + trace.x.length;
  const left = shown.findIndex(inside);
  const right = shown.findLastIndex(inside) + 1;
  const columns = shown.slice(left, right);
  const recorded = columns.map((index) => steps[index]);
  return {
    ...trace,
    x: centres.slice(left, right),
    z: trace.z.map((row) => (row.length ? valuesOf(row, columns, offset) : row)),
    customdata: trace.z.map(() => recorded),
    hovertemplate: trace.hovertemplate.replace("%{x}", "%{customdata:,d}"),
  };
}

/** As numbers without boxes, NaN for a gap: there are hundreds of thousands of them. */
function valuesOf(row, columns, offset) {
  return Float64Array.from(columns, (index) => row[index - offset] ?? NaN);
}
