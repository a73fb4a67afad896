// Elements, made without markup: text of a user's is only ever text.

/** The element with this id. */
export const the = (id) => document.getElementById(id);

/** Makes an element. Properties that begin with "on" listen, with "aria-" or "data-" are attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A button that does something. */
export const button = (text, onclick, properties = {}) =>
  make("button", { type: "button", textContent: text, onclick, ...properties });

/** Fills a definition list from pairs. */
export function define(list, pairs) {
  list.replaceChildren(
    ...pairs.flatMap(([name, value]) => [
      make("dt", { textContent: name }),
      make("dd", { textContent: String(value) }),
    ]),
  );
}

/** A day, as this browser writes it. */
export const day = (time) => new Date(time).toLocaleDateString();

/** "1 memory", "2 memories". */
export const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

/** Tells what went wrong, or with nothing that all is well again. */
export function notice(text = "") {
  the("notice").textContent = text;
  the("notice").hidden = text === "";
}

/** Runs work that a person began; what goes wrong is told. */
export async function attempt(work) {
  try {
    notice();
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") notice(error.message);
    return undefined;
  }
}

/** Asks before something is removed for good. */
export function sure(text) {
  const dialog = the("sure");
  the("sure-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

const PARTS = [
  ["words", "lexical"],
  ["meaning", "dense"],
  ["recency", "recency"],
  ["importance", "importance"],
  ["names", "names"],
  ["time", "time"],
  ["neighbours", "neighbour"],
];

/** What a score is made of, greatest first: "words 1.80, meaning 1.04". */
export function because(why) {
  const parts = PARTS.map(([name, field]) => [name, why[field] ?? 0]);
  return parts
    .filter(([, share]) => Math.abs(share) >= 0.005)
    .sort((a, b) => b[1] - a[1])
    .map(([name, share]) => `${name} ${share.toFixed(2)}`)
    .join(", ");
}
