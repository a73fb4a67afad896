// What the server is asked, and what it answers.

import { the } from "./dom.js";

const KEPT = "scrubjay-token";

/** Asks for the token that this device wants; it is kept until the tab is closed. */
async function askForToken() {
  const dialog = the("key");
  the("token").value = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  const token = the("token").value.trim();
  if (token !== "") sessionStorage.setItem(KEPT, token);
  return token !== "";
}

/** A request; where a token is wanted, it is asked for and the request sent again. */
async function send(method, path, body, signal) {
  const headers = {};
  const token = sessionStorage.getItem(KEPT);
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  if (response.ok) return response;
  if (response.status === 401 && (await askForToken())) return send(method, path, body, signal);
  const told = await response.json().catch(() => ({}));
  throw new Error(told.error?.message ?? `the server answered ${response.status}`);
}

const json = async (...request) => (await send(...request)).json();

export const models = () => json("GET", "/v1/models");
export const status = () => json("GET", "/api/status");
export const sessions = () => json("GET", "/api/sessions");
export const session = (id) => json("GET", `/api/sessions/${id}`);
export const deleteSession = (id) => json("DELETE", `/api/sessions/${id}`);
export const memories = (superseded) => json("GET", `/api/memories?superseded=${superseded}`);
export const item = (id) => json("GET", `/api/memories/${id}`);
export const search = (query) => json("POST", "/api/memories/search", { query, limit: 50 });
export const remember = (text) => json("POST", "/api/memories", { text });
export const correct = (id, text) => json("POST", `/api/memories/${id}/correct`, { text });
export const pin = (id, pinned) => json("POST", `/api/memories/${id}/pin`, { pinned });
export const forget = (id) => json("DELETE", `/api/memories/${id}`);
export const feedback = (id, verdict) => json("POST", `/api/answers/${id}/feedback`, verdict);

/** An answer as it is made: each event's data, parsed. */
export async function* answer(request, signal) {
  const response = await send("POST", "/v1/chat/completions", request, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (left + value).split("\n");
    left = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const data = line.slice(6);
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}
