// Forgetting: asked for once more, and with a receipt.

import { count, define, sure, the } from "./dom.js";

/** Asks, forgets, and shows what was removed. Whether anything was. */
export async function forgotten(question, forget) {
  if (!(await sure(question))) return false;
  const receipt = await forget();
  define(the("receipt-facts"), [
    ["memories", receipt.memories.join(" ") || "none"],
    ["turns", receipt.episodes.join(" ") || "none"],
    ["training examples", receipt.examples.join(" ") || "none"],
    ["vectors", receipt.vectors],
    ["index entries", receipt.postings],
    ["typed lines", count(receipt.typed, "line", "lines")],
  ]);
  the("receipt").showModal();
  return true;
}
