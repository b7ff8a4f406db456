// Who is here and who is typing.

import { knows, write } from "./strings.js";
import { glyph } from "./techniques.js";

const lapse = 5_000; // ms until someone who has not said so again is no longer typing

export class People {
  #strip;
  #count;
  #typing;
  #typingSince = new Map(); // id -> timer
  #list = [];
  #mine = new Set();

  /** `elements`: `strip` (the list), `count`, `typing` (the sentence). */
  constructor({ strip, count, typing }) {
    this.#strip = strip;
    this.#count = count;
    this.#typing = typing;
  }

  /** This page is the person `id`; it was others before, and what they said is still its own. */
  become(id) {
    this.#mine.add(id);
  }

  isMine(id) {
    return this.#mine.has(id);
  }

  /** Numbers of persons begin anew with each chat. */
  forget() {
    this.#mine.clear();
    for (const timer of this.#typingSince.values()) clearTimeout(timer);
    this.#typingSince.clear();
  }

  /** How many of those listed use each technique. */
  tally() {
    const tally = {};
    for (const { via } of this.#list) tally[via] = (tally[via] ?? 0) + 1;
    return tally;
  }

  show({ count, list }) {
    this.#list = list;
    write(this.#count, "people.count", { n: count });
    const more = count - list.length;
    const rest = Object.assign(document.createElement("li"), { className: "person rest" });
    write(rest, "people.more", { n: more });
    this.#strip.replaceChildren(...list.map((one) => this.#draw(one)), ...(more > 0 ? [rest] : []));
    for (const id of this.#typingSince.keys()) if (!list.some((one) => one.id === id)) this.#stops(id);
    this.#tell();
  }

  typing({ id, on }) {
    clearTimeout(this.#typingSince.get(id));
    if (on) this.#typingSince.set(id, setTimeout(() => (this.#stops(id), this.#tell()), lapse));
    else this.#typingSince.delete(id);
    this.#tell();
  }

  /** Someone who has just said a line has stopped typing. */
  spoke(id) {
    if (!this.#typingSince.has(id)) return;
    this.#stops(id);
    this.#tell();
  }

  #stops(id) {
    clearTimeout(this.#typingSince.get(id));
    this.#typingSince.delete(id);
  }

  #draw({ id, name, via }) {
    const item = Object.assign(document.createElement("li"), { className: this.#mine.has(id) ? "person mine" : "person" });
    item.dataset.id = id;
    item.dataset.via = via;
    const mark = glyph(via);
    const words = document.createElement("span");
    words.className = "name";
    words.textContent = name;
    item.append(mark, words);
    if (this.#mine.has(id)) {
      const you = Object.assign(document.createElement("span"), { className: "you" });
      write(you, "people.you");
      item.append(you);
    }
    const carried = Object.assign(document.createElement("span"), { className: "unseen" });
    if (knows(via)) {
      write(item, via, undefined, "hint");
      write(carried, via);
    } else carried.textContent = item.title = via;
    item.append(carried);
    return item;
  }

  #tell() {
    for (const item of this.#strip.children) item.classList.toggle("typing", this.#typingSince.has(Number(item.dataset.id)));
    const who = this.#list.filter(({ id }) => this.#typingSince.has(id) && !this.#mine.has(id)).map(({ name }) => name);
    this.#typing.hidden = who.length === 0;
    const [a, b] = who;
    if (who.length === 1) write(this.#typing, "typing.one", { a });
    else if (who.length === 2) write(this.#typing, "typing.two", { a, b });
    else if (who.length > 2) write(this.#typing, "typing.many", { n: who.length });
  }
}
