// What is remembered: found, looked at, corrected, pinned, forgotten.

import { attempt, because, button, count, day, make, the } from "./dom.js";
import { forgotten } from "./receipt.js";
import * as server from "./server.js";

/** Searches, or lists everything where nothing is looked for. */
export async function show() {
  the("query").focus();
  await attempt(find);
}

async function find() {
  const query = the("query").value.trim();
  if (query === "") {
    const { data } = await server.memories(the("superseded").checked);
    the("found").textContent = count(data.length, "memory", "memories");
    the("memories").replaceChildren(...data.map((memory) => entry(memory, describe(memory))));
    return;
  }
  const { data, confidence } = await server.search(query);
  the("found").textContent = `${count(data.length, "hit", "hits")}, confidence ${confidence.toFixed(2)}`;
  the("memories").replaceChildren(
    ...data.map((hit) => entry({ ...hit, id: hit.item }, `${day(hit.said_at)}: ${because(hit.why)}`)),
  );
}

function describe(memory) {
  const marks = [
    day(memory.said_at),
    memory.kind,
    `from ${memory.source}`,
    memory.pinned ? "pinned" : "",
    memory.sensitive ? "sensitive" : "",
    memory.successor || memory.valid_until ? "replaced" : "",
  ];
  return marks.filter((mark) => mark !== "").join(" · ");
}

function entry(memory, description) {
  const isMemory = memory.item === undefined || memory.item !== memory.episode;
  const text = make("p", { textContent: memory.text });
  const tools = make("div", { className: "tools" });
  const li = make("li", { className: "memory" }, text, make("small", { textContent: description }), tools);
  if (memory.successor) li.classList.add("gone");
  const named = (name) => ({ "aria-label": `${name}: ${memory.text}` });
  tools.append(
    button("Where from", () => attempt(() => tell(memory.id, li)), named("Where from")),
    isMemory ? button("Correct", () => mend(memory, li), named("Correct")) : "",
    button("Forget", () => attempt(() => forget(memory, li)), named("Forget")),
  );
  if (memory.pinned !== undefined) {
    const pin = button("Pin", () => attempt(async () => {
      memory.pinned = (await server.pin(memory.id, !memory.pinned)).pinned;
      pin.setAttribute("aria-pressed", memory.pinned);
    }), { ...named("Pin"), "aria-pressed": String(memory.pinned) });
    tools.append(pin);
  }
  return li;
}

/** Shows the words that something was taken from. */
async function tell(id, li) {
  li.querySelector("details")?.remove();
  const item = await server.item(id);
  const said = (item.said ?? [item]).map((turn) =>
    make("li", { className: "why" }, `${day(turn.said_at)}, ${turn.author ?? "you"} (${turn.source}): ${turn.text}`),
  );
  li.append(make("details", { open: true }, make("summary", { textContent: "taken from" }), make("ul", {}, ...said)));
}

function mend(memory, li) {
  li.querySelector("form")?.remove();
  const box = make("input", { value: memory.text, required: true, "aria-label": "What it should say" });
  const form = make("form", { className: "mend" }, box, make("button", { textContent: "Keep" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      await server.correct(memory.id, box.value);
      await find();
    });
  });
  li.append(form);
  box.focus();
}

async function forget(memory, li) {
  if (await forgotten(`Forget “${memory.text}” and the words it came from for good?`, () => server.forget(memory.id))) {
    li.remove();
  }
}

export function listen() {
  the("search").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(find);
  });
  the("superseded").addEventListener("change", () => attempt(find));
  the("add").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      await server.remember(the("fact").value);
      the("add").reset();
      await find();
    });
  });
}
