/** What all cards share: the state, the runs, the cursor, Plotly. */

import { loadPlotly } from "./plotting.js";
import { focusOf, stepRange } from "./selection.js";

export class Context {
  /**
   * @param {Store} store
   * @param {function()} onHover Called when the mouse moves the cursor.
   */
  constructor(store, onHover) {
    this.store = store;
    this.runs = [];
    this.shownRun = null;
    this.findings = () => [];
    this.findingsChanged = () => {};
    this._plotlyUrl = null;
    this._hover = null;
    this._layers = new Map();
    this.chartListeners = {
      onHover: (step) => {
        if (step === this._hover) return;
        this._hover = step;
        onHover();
      },
      onPick: (step, layer) => this._pick(step, layer),
      onRange: (from, to) => store.set({ from, to, all: from === null }),
    };
  }

  /** @param {Object} info As the route `runs` answers. */
  set info(info) {
    this.runs = info.runs;
    this._plotlyUrl = info.plotly.available ? info.plotly.url : null;
  }

  /** @return {Promise<?Object>} Plotly, or null if there is none. */
  plotly() {
    return loadPlotly(this._plotlyUrl);
  }

  /** Returns what is marked in the charts: cursor, layer and finding. */
  marks() {
    const { step, layer, finding: id } = this.store.state;
    const finding = this.findings().find((other) => other.id === id) ?? null;
    return { step: this._hover ?? step, layer, finding };
  }

  /**
   * Returns first and last step of the axes for these runs.
   *
   * @param {Array<string>} names
   * @return {Array<number>}
   */
  steps(names) {
    const runs = this.runs.filter(({ name }) => names.includes(name));
    return stepRange(this.store.state, runs);
  }

  /**
   * Returns the first and the last step to ask for, nulls for those of the run.
   *
   * @param {Array<string>} names
   * @return {Array<?number>}
   */
  asked(names) {
    const { from, to } = this.store.state;
    const runs = this.runs.filter(({ name }) => names.includes(name));
    return focusOf(this.store.state, runs) ?? [from, to];
  }

  /** Marks a finding and what it is about; a second time, nothing. */
  choose(finding) {
    if (this.store.state.finding === finding.id) {
      return this.store.set({ finding: null });
    }
    const { id, run, layer, first_step: step } = finding;
    const other = run === this.shownRun?.name ? {} : { run }; // which asks for all anew
    this.store.set({ finding: id, step, layer, ...other });
  }

  /**
   * Returns the names of the layers of a run, as far as they are known.
   *
   * @param {?Object} run
   * @return {Array<string>}
   */
  layersOf(run) {
    if (!run) return [];
    return run.layers.length ? run.layers : (this._layers.get(run.name) ?? []);
  }

  /** Remembers the names of layers, which the server leaves out for many runs. */
  learnLayers(run, names) {
    const known = this._layers.get(run) ?? [];
    if (names.length > known.length) this._layers.set(run, names);
  }

  _pick(step, layer) {
    const changes = {};
    if (step !== null) changes.step = step;
    if (layer !== null) changes.layer = layer;
    this.store.set(changes);
  }
}
