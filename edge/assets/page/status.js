// How the device is doing: facts, and small plots of the last minutes.

import { attempt, count, define, make, the } from "./dom.js";
import * as server from "./server.js";

const EVERY_MS = 2_000;
/** Points of a plot: ten minutes. */
const MOST = 300;

const PLOTS = [
  { title: "tokens written a second", value: (now, before) => rate(now.generated_tokens - before.generated_tokens, now.decode_ms - before.decode_ms) },
  { title: "seconds of reading before the first token", value: (now, before) => (now.requests > before.requests ? (now.prefill_ms - before.prefill_ms) / 1_000 / (now.requests - before.requests) : null) },
  { title: "memories", value: (now) => now.memories },
  { title: "resident memory, MiB", value: (now) => now.resident_mib },
];

let timer = null;
let before = null;
const points = PLOTS.map(() => []);

const rate = (tokens, ms) => (tokens > 0 && ms > 0 ? (tokens * 1_000) / ms : null);

/** Looks now, and again while it is shown. */
export async function show() {
  await attempt(look);
  timer ??= setInterval(() => attempt(look), EVERY_MS);
}

export function hide() {
  clearInterval(timer);
  timer = null;
}

async function look() {
  const told = await server.status();
  const { model, memory } = told;
  define(the("facts"), [
    ["model", model === null ? "is being loaded" : model.name],
    ["adapter", model?.adapter ?? "none"],
    ["context", model === null ? "" : count(model.context_tokens, "token", "tokens")],
    ["answering", model === null ? "" : `${model.busy} of ${model.slots} slots, ${model.queued} waiting`],
    ["answered", model === null ? "" : count(model.requests, "request", "requests")],
    ["memories", `${memory.memories}, and ${memory.superseded} replaced`],
    ["turns", `${memory.episodes} in ${count(memory.sessions, "conversation", "conversations")}`],
    ["embedder", memory.embedder],
    ["version", told.version],
    ["running since", new Date(told.started).toLocaleString()],
  ]);
  const mib = told.resident_bytes === null ? null : told.resident_bytes / 2 ** 20;
  const now = { ...model, memories: memory.memories, resident_mib: mib };
  PLOTS.forEach((plot, index) => {
    const value = plot.value(now, before ?? now);
    if (value !== null && Number.isFinite(value)) points[index].push(value);
    points[index].splice(0, points[index].length - MOST);
  });
  before = now;
  the("plots").replaceChildren(...PLOTS.map((plot, index) => draw(plot.title, points[index])));
}

function draw(title, values) {
  const last = values.at(-1);
  const text = `${title}: ${last === undefined ? "nothing yet" : last.toFixed(last < 10 ? 2 : 0)}`;
  const most = Math.max(...values, 1e-9);
  const step = 100 / Math.max(values.length - 1, 1);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", values.map((value, at) => `${at * step},${38 - (value / most) * 36}`).join(" "));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  return make("figure", {}, make("figcaption", { textContent: text }), svg);
}
