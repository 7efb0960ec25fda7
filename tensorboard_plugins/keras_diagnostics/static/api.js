/** Asks the server of this plugin; an answer that came too late is dropped. */

const AT_ONCE = 2; // figures
const PATIENCE = 5000; // milliseconds that the others wait at most for the first

const running = new Map();
const waiting = [];
let free = 1; // the first has the server, and the processors, to itself
let isFirst = true;
let holds = false;

/** The server's refusal, or its silence, in words for the reader. */
export class ApiError extends Error {}

/**
 * Returns the JSON answer of a route.
 *
 * @param {string} route Name of the route, relative to this page.
 * @param {Object} parameters Of the query; lists are repeated, nulls left out.
 * @param {?string} place Asking anew for the same place cancels what was asked before,
 *     whose promise then never settles.
 * @return {Promise<Object>}
 * @throws {ApiError}
 */
export async function ask(route, parameters = {}, place = null) {
  const cancel = new AbortController();
  if (place) {
    running.get(place)?.abort();
    running.set(place, cancel);
  }
  try {
    const fetchIt = () => fetch(address(route, parameters), { signal: cancel.signal });
    const answer = await (route === "figure" ? inTurn(fetchIt) : fetchIt().then(read));
    if (cancel.signal.aborted) return await new Promise(() => {});
    return answer;
  } catch (error) {
    if (cancel.signal.aborted) {
      figureShown(); // never will be
      return await new Promise(() => {});
    }
    if (error instanceof ApiError) throw error;
    throw new ApiError("TensorBoard does not answer. Is it still running?");
  }
}

/** Tells that a figure is drawn: after the first, the others have their turn. */
export function figureShown() {
  if (!holds) return;
  holds = false;
  release(AT_ONCE);
}

async function inTurn(fetchIt) {
  if (free > 0) free -= 1;
  else await new Promise((resolve) => waiting.push(resolve));
  try {
    return await read(await fetchIt());
  } finally {
    if (isFirst) {
      isFirst = false;
      holds = true;
      setTimeout(figureShown, PATIENCE);
    } else {
      release(1);
    }
  }
}

function release(count) {
  free += count;
  while (free > 0 && waiting.length) {
    free -= 1;
    waiting.shift()();
  }
}

function address(route, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const item of [value].flat()) {
      if (item !== null && item !== undefined) query.append(key, item);
    }
  }
  const text = query.toString();
  return text ? `./${route}?${text}` : `./${route}`;
}

async function read(response) {
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // not JSON: an error page of TensorBoard itself
  }
  if (response.ok && answer !== null) return answer;
  const reason = answer?.error ?? `The server answered ${response.status}.`;
  throw new ApiError(String(reason));
}
