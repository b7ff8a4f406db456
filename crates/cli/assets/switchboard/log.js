// The lines of the chat, as a list that stays at its end unless someone reads further up; what waits to be sent stands below it.

import { knows, language, write } from "./strings.js";
import { glyph } from "./techniques.js";

const shown = 500; // lines; the numbers of older ones are still counted
const near = 60; // px from the end that count as being there

const make = (tag, name) => Object.assign(document.createElement(tag), { className: name });

/** A technique in words; one that this page has no word for is shown as the server calls it. */
export const naming = (via) => (knows(via) ? { key: via } : via);

export class Log {
  #scroller;
  #list;
  #pending;
  #more;
  #unseen = 0;
  #atEnd = true;

  /** `elements`: `scroller` around `list` (the lines) and `pending`; `more`, the button that leads to the end. */
  constructor({ scroller, list, pending, more }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#pending = pending;
    this.#more = more;
    scroller.addEventListener("scroll", () => {
      this.#atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < near;
      if (this.#atEnd) this.#seen();
    });
    more.addEventListener("click", () => {
      this.#follow();
      scroller.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.#atEnd && this.#follow()).observe(scroller);
  }

  clear() {
    this.#list.replaceChildren();
    this.#seen();
  }

  /** Adds a line where its number belongs. `mine`: said by this page; `via`: how it came here. */
  add(line, mine, via) {
    const item = draw(line, mine, via);
    this.#place(item, line.n);
    while (this.#list.childElementCount > shown) this.#list.firstElementChild.remove();
    this.#grown(1);
  }

  /** Marks that the lines `from` to `to` are missing. */
  gap(from, to) {
    const item = make("li", "gap");
    write(item, "log.gap", { from, to });
    this.#place(item, from);
  }

  /** Removes the marks of gaps: the page tells them anew. */
  forgetGaps() {
    for (const item of this.#list.querySelectorAll(".gap")) item.remove();
  }

  /** Shows what waits for its number. */
  waiting(texts) {
    this.#pending.replaceChildren(
      ...texts.map((words) => {
        const item = make("li", "line waiting");
        const mark = make("span", "number");
        mark.textContent = "\u2026";
        const head = make("div", "head");
        const state = make("span", "patch");
        write(state, "log.pending");
        head.append(state);
        const body = make("p", "words");
        body.textContent = words;
        item.append(mark, head, body);
        return item;
      }),
    );
    if (texts.length) this.#follow();
  }

  #place(item, n) {
    item.dataset.n = n;
    let after = this.#list.lastElementChild;
    while (after && Number(after.dataset.n) > n) after = after.previousElementSibling;
    if (after) after.after(item);
    else this.#list.prepend(item);
  }

  #grown(count) {
    if (this.#atEnd) return this.#follow();
    this.#unseen += count;
    this.#more.hidden = false;
    write(this.#more.querySelector("span"), "log.new", { n: this.#unseen });
  }

  #follow() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#atEnd = true;
    this.#seen();
  }

  #seen() {
    this.#unseen = 0;
    this.#more.hidden = true;
  }
}

/** The mark of a line: which technique its sender's window used, and which brought it here. */
function patch(by, here) {
  const mark = make("span", "patch");
  const sender = make("span", "plug");
  sender.dataset.via = by;
  const name = document.createElement("span");
  const words = naming(by);
  if (words.key) write(name, words.key);
  else name.textContent = words;
  sender.append(glyph(by), name);
  const cord = make("span", "cord");
  const arrival = make("span", "plug");
  arrival.dataset.via = here;
  arrival.append(glyph(here));
  for (const part of [sender, cord, arrival]) part.ariaHidden = "true";
  const said = make("span", "unseen");
  write(said, "log.carried", { by: naming(by), here: naming(here) });
  mark.append(sender, cord, arrival, said);
  write(mark, "log.carried", { by: naming(by), here: naming(here) }, "hint");
  return mark;
}

function draw(line, mine, via) {
  const item = make("li", mine ? "line mine" : "line");
  const number = make("span", "number");
  number.textContent = line.n;
  const head = make("div", "head");
  const from = make("b", "from");
  from.textContent = line.from;
  head.append(from);
  if (mine) {
    const you = make("span", "you");
    write(you, "log.you");
    head.append(you);
  }
  const when = make("time", "when");
  const at = new Date(line.at);
  when.dateTime = at.toISOString();
  when.textContent = at.toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  head.append(when, patch(line.via, via));
  const body = make("p", "words");
  body.textContent = line.text;
  item.append(number, head, body);
  return item;
}
