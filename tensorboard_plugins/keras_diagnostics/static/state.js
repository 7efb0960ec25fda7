/** What the reader has chosen: one object that all views share and the URL keeps. */

/**
 * @typedef {Object} State
 * @property {"run"|"compare"} view Which page is shown.
 * @property {?string} run The run whose charts are shown, null for the worst one.
 * @property {?Array<string>} runs Names of the compared runs, null for all.
 * @property {string} layers Regular expression for the names of the shown layers.
 * @property {?number} from First shown step, null for the first of the run.
 * @property {?number} to Last shown step, null for the last of the run.
 * @property {boolean} all Whether a run that became NaN is shown from end to end.
 * @property {?number} step Step of the cursor.
 * @property {?string} layer The layer that is looked at more closely.
 * @property {?string} finding Identifier of the finding that is marked in the charts.
 * @property {string} wide Identifier of the card in full width, "" for none.
 * @property {?Array<string>} columns Columns of the comparison, null for those that differ.
 * @property {string} sort Column that the comparison is sorted by, after "-" from the top.
 * @property {Object<string, string>} metrics What each card shows, if not its first.
 */

const EMPTY = Object.freeze({
  view: "run",
  run: null,
  runs: null,
  layers: "",
  from: null,
  to: null,
  all: false,
  step: null,
  layer: null,
  finding: null,
  wide: "gradients",
  columns: null,
  sort: "",
  metrics: {},
});

const text = (value) => value;
const PARSERS = {
  view: (value) => (value === "compare" ? value : undefined),
  run: text,
  runs: (value) => parseJson(value, Array.isArray)?.map(String),
  layers: text,
  from: parseNumber,
  to: parseNumber,
  all: (value) => (value === "true" ? true : undefined),
  step: parseNumber,
  layer: text,
  finding: text,
  wide: text,
  columns: (value) => parseJson(value, Array.isArray)?.map(String),
  sort: text,
  metrics: (value) => parseJson(value, isPlainObject),
};

/** Holds the state and tells its listeners what has changed. */
export class Store {
  /** @param {Object} initial Values that differ from the empty state. */
  constructor(initial = {}) {
    this._state = { ...EMPTY, ...initial };
    this._listeners = [];
  }

  /** @return {State} */
  get state() {
    return this._state;
  }

  /**
   * Changes some values and tells all listeners, once.
   *
   * @param {Object} changes
   */
  set(changes) {
    const before = this._state;
    const after = { ...before, ...changes };
    const changed = new Set(
      Object.keys(after).filter((key) => !same(before[key], after[key])),
    );
    if (!changed.size) return;
    this._state = after;
    for (const listener of this._listeners) listener(after, changed);
  }

  /** @param {function(State, Set<string>)} listener Called after each change. */
  onChange(listener) {
    this._listeners.push(listener);
  }
}

/**
 * Returns the state as pairs of strings, without what is as in the empty state.
 *
 * @param {State} state
 * @return {Object<string, string>}
 */
export function toParameters(state) {
  const parameters = {};
  for (const [key, value] of Object.entries(state)) {
    if (same(value, EMPTY[key])) continue;
    parameters[key] = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  return parameters;
}

/**
 * Returns the state that `toParameters` wrote; what makes no sense is left out.
 *
 * @param {Object<string, string>} parameters
 * @return {State}
 */
export function fromParameters(parameters) {
  const state = { ...EMPTY };
  for (const [key, parse] of Object.entries(PARSERS)) {
    const value = Object.hasOwn(parameters, key) ? parse(parameters[key]) : undefined;
    if (value !== undefined) state[key] = value;
  }
  return state;
}

function parseNumber(value) {
  const number = Number(value);
  return value !== "" && Number.isFinite(number) ? number : undefined;
}

function parseJson(value, allows) {
  try {
    const parsed = JSON.parse(value);
    return allows(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isPlainObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function same(left, right) {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}
