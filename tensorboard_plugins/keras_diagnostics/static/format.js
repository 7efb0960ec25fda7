/** Numbers and words for the reader. */

/**
 * Returns a number with three significant digits; words stay as they are.
 *
 * @param {number|string|null} value
 * @return {string}
 */
export function formatNumber(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return value.toLocaleString("en-US");
  if (size < 1e-3 || size >= 1e5) return value.toExponential(2).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}

/**
 * Returns the steps of a finding, as "12" or "12–340".
 *
 * @param {number} first
 * @param {number} last
 * @return {string}
 */
export function formatSteps(first, last) {
  const [from, to] = [first, last].map((step) => step.toLocaleString("en-US"));
  return first === last ? from : `${from}–${to}`;
}

/**
 * Returns "1 error", "2 errors".
 *
 * @param {number} count
 * @param {string} noun
 * @return {string}
 */
export function countOf(count, noun) {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * Returns a file name made of the words, without what file systems refuse.
 *
 * @param {...string} words
 * @return {string}
 */
export function fileName(...words) {
  const safe = words.map((word) => word.replace(/[^\p{L}\p{N}._-]+/gu, "-"));
  return safe.filter(Boolean).join("_").slice(0, 120);
}

/**
 * Returns a name without its middle if it is long: its ends tell it from others.
 *
 * @param {string} name
 * @param {number} longest
 * @return {string}
 */
export function cutMiddle(name, longest = 36) {
  const letters = [...name];
  if (letters.length <= longest) return name;
  const half = Math.floor((longest - 1) / 2);
  return `${letters.slice(0, half).join("")}…${letters.slice(-half).join("")}`;
}

/**
 * Returns names without the folders that all names of the same first folder share, and
 * without the last ones that all names share.
 *
 * @param {Array<string>} names
 * @return {Map<string, string>} What is left of each, by name.
 */
export function withoutShared(names) {
  const groups = new Map();
  for (const name of names) {
    const parts = name.split("/");
    groups.set(parts[0], [...(groups.get(parts[0]) ?? []), parts]);
  }
  const [, tailOfAll] = sharedEnds([...groups.values()].flat());
  const left = new Map();
  for (const group of groups.values()) {
    const [head, ownTail] = sharedEnds(group);
    for (const parts of group) {
      const tail = Math.min(Math.max(ownTail, tailOfAll), parts.length - 1 - head);
      const kept = parts.slice(head, parts.length - tail).join("/");
      left.set(parts.join("/"), `${head ? "…/" : ""}${kept}`);
    }
  }
  return left;
}

/** Returns how many first and last parts are the same in all, but for one part. */
function sharedEnds(group) {
  if (group.length < 2) return [0, 0];
  const room = Math.min(...group.map(({ length }) => length)) - 1;
  const isShared = (at) => group.every((parts) => parts.at(at) === group[0].at(at));
  let [head, tail] = [0, 0];
  while (head < room && isShared(head)) head += 1;
  while (tail < room - head && isShared(-1 - tail)) tail += 1;
  return [head, tail];
}
