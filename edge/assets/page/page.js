// Which view is shown.

import * as chat from "./chat.js";
import { the } from "./dom.js";
import * as memory from "./memory.js";
import * as status from "./status.js";

const VIEWS = { chat, memory, status };

function show() {
  const wanted = location.hash.slice(1);
  const name = wanted in VIEWS ? wanted : "chat";
  for (const [other, view] of Object.entries(VIEWS)) {
    the(other).hidden = other !== name;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === name) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
      view.hide?.();
    }
  }
  VIEWS[name].show();
}

chat.listen();
memory.listen();
addEventListener("hashchange", show);
show();
