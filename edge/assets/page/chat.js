// Conversations: words that stream in, what they were answered from, and what came of them.

import { attempt, because, button, count, day, make, notice, the } from "./dom.js";
import { forgotten } from "./receipt.js";
import * as server from "./server.js";

/** The conversation that is open. */
const open = { session: null, messages: [], running: null };

/** Shows conversations, and begins a new one. */
export async function show() {
  the("words").focus();
  await attempt(listSessions);
}

async function listSessions() {
  const { data } = await server.sessions();
  const items = data.map((session) => {
    const title = session.title || "a conversation";
    const current = session.id === open.session ? { "aria-current": "true" } : {};
    const told = `${title}, ${day(session.last)}, ${count(session.turns, "turn", "turns")}`;
    return make("li", {}, button(title, () => attempt(() => load(session.id)), { title: told, ...current }));
  });
  the("session-list").replaceChildren(...items);
}

function begin() {
  open.running?.abort();
  Object.assign(open, { session: null, messages: [], running: null });
  the("log").replaceChildren();
  the("words").focus();
}

async function load(id) {
  begin();
  const { episodes } = await server.session(id);
  open.session = id;
  let turn = null;
  for (const episode of episodes) {
    if (episode.role === "user") {
      turn = new Turn(episode.text);
    } else if (turn !== null) {
      open.messages.push({ role: "user", content: turn.words }, { role: "assistant", content: episode.text });
      turn.write(episode.text);
      turn.recalled(await given(episode.given));
      turn.judge(episode.id, episode);
      turn = null;
    }
  }
  await listSessions();
}

/** What an answer of long ago was given to read, as far as it is still there. */
async function given(given) {
  const found = given.map(async ({ item, score, why }) => {
    const { text, said_at } = await server.item(item).catch(() => ({}));
    return text === undefined ? null : { item, text, said_at, score, why };
  });
  return (await Promise.all(found)).filter((hit) => hit !== null);
}

/** A question and its answer on the page. */
class Turn {
  constructor(words) {
    this.words = words;
    this.answer = make("p", { className: "answer" });
    this.notes = make("div", { className: "notes" });
    const said = make("p", { className: "said", textContent: words });
    this.element = make("article", { className: "turn" }, said, this.answer, this.notes);
    the("log").append(this.element);
    this.scroll();
  }

  scroll() {
    the("log").scrollTop = the("log").scrollHeight;
  }

  write(text) {
    this.answer.textContent += text;
    this.scroll();
  }

  note(text, className = "note") {
    this.notes.append(make("p", { className, textContent: text }));
  }

  progress(progress) {
    const told = "queued" in progress ? `waiting, ${progress.queued} before you` : `reading ${progress.read} of ${progress.of} tokens`;
    this.answer.dataset.progress = told;
  }

  /** What it was answered from, and why. */
  recalled(hits, confidence) {
    if (hits.length === 0) return;
    const sure = confidence === undefined ? "" : `, confidence ${confidence.toFixed(2)}`;
    const list = hits.map((hit) =>
      make("li", { className: "why" }, make("span", { textContent: hit.text }), make("br"), make("small", { textContent: `${day(hit.said_at)}: ${because(hit.why)}` })),
    );
    const summary = make("summary", { textContent: `shown ${count(hits.length, "memory", "memories")}${sure}` });
    this.notes.append(make("details", {}, summary, make("ul", {}, ...list)));
  }

  /** What was remembered of the question, with a way to forget it again. */
  async remembered(told) {
    for (const id of told.remembered ?? []) {
      const memory = await server.item(id);
      const line = make("p", { className: "note tools", textContent: `remembered: ${memory.text} ` });
      const undo = () =>
        attempt(async () => {
          if (await forgotten(`Forget “${memory.text}” for good?`, () => server.forget(id))) line.remove();
        });
      line.append(button("Forget", undo, { "aria-label": `Forget: ${memory.text}` }));
      this.notes.append(line);
    }
    for (const id of told.superseded ?? []) this.note(`replaced: ${(await server.item(id)).text}`);
    if (told.redactions?.length) this.note(`taken out as secret: ${told.redactions.join(", ")}`);
  }

  /** Buttons to rate and correct the answer. */
  judge(id, { rating = null, correction = null } = {}) {
    const rate = (name, worth) =>
      button(name, (event) =>
        attempt(async () => {
          await server.feedback(id, { rating: worth });
          for (const other of event.target.parentElement.querySelectorAll("[aria-pressed]")) {
            other.setAttribute("aria-pressed", other === event.target);
          }
        }),
        { "aria-pressed": String(rating === worth) },
      );
    const corrected = make("p", { className: "note", textContent: correction === null ? "" : `should be: ${correction}` });
    const mend = () => this.mend(async (text) => {
      await server.feedback(id, { correction: text });
      corrected.textContent = `should be: ${text}`;
    });
    this.notes.append(
      make("div", { className: "tools" }, rate("Good", 5), rate("Bad", 1), button("Correct", mend)),
      corrected,
    );
  }

  mend(keep) {
    const box = make("textarea", { value: this.answer.textContent, rows: 2, "aria-label": "What the answer should have been" });
    const form = make("form", { className: "mend" }, box, make("button", { textContent: "Keep" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(async () => {
        await keep(box.value);
        form.remove();
      });
    });
    this.notes.append(form);
    box.focus();
  }
}

async function ask(words) {
  const turn = new Turn(words);
  const running = new AbortController();
  open.running = running;
  busy(true);
  turn.answer.classList.add("busy");
  try {
    await stream(words, turn, running.signal);
  } catch (error) {
    if (error.name === "AbortError") turn.note("stopped");
    else turn.note(error.message, "failed");
  } finally {
    turn.answer.classList.remove("busy");
    if (open.running === running) {
      open.running = null;
      busy(false);
    }
  }
  await attempt(listSessions);
}

async function stream(words, turn, signal) {
  const { data } = await server.models();
  const messages = [...open.messages, { role: "user", content: words }];
  const wishes = { memory: "use", recalled: true, progress: true };
  if (open.session !== null) wishes.session = open.session;
  const request = { model: data[0].id, messages, stream: true, stream_options: { include_usage: true }, scrubjay: wishes };
  let told = {};
  try {
    for await (const event of server.answer(request, signal)) {
      if (event.scrubjay?.progress) turn.progress(event.scrubjay.progress);
      else told = { ...told, ...event.scrubjay };
      open.session = told.session ?? open.session;
      turn.write(event.choices[0]?.delta.content ?? "");
    }
  } finally {
    // A question that was not answered at all was not kept, either.
    const said = turn.answer.textContent;
    if (said !== "") open.messages = [...messages, { role: "assistant", content: said }];
  }
  turn.recalled(told.recalled ?? [], told.confidence);
  await turn.remembered(told);
  if (told.answer) turn.judge(told.answer);
}

function busy(is) {
  the("send").hidden = is;
  the("stop").hidden = !is;
  the("words").disabled = is;
  // Whoever went elsewhere meanwhile is left there.
  const here = [document.body, the("stop"), the("words")].includes(document.activeElement);
  if (here) the(is ? "stop" : "words").focus();
}

/** Deletes the open conversation with everything learnt from it. */
async function remove() {
  const id = open.session;
  if (id === null) return notice("nothing was said in this conversation yet");
  const gone = await forgotten("Forget this conversation, and what was remembered from it, for good?", () => server.deleteSession(id));
  if (gone) {
    begin();
    await listSessions();
  }
}

export function listen() {
  the("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const words = the("words").value.trim();
    if (words === "" || open.running !== null) return;
    the("words").value = "";
    ask(words);
  });
  the("words").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      the("ask").requestSubmit();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open.running !== null) open.running.abort();
  });
  the("stop").addEventListener("click", () => open.running?.abort());
  the("new-session").addEventListener("click", begin);
  the("delete-session").addEventListener("click", () => attempt(remove));
}
