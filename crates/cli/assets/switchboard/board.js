// The board: a jack for each technique, and the cord of this window in one of them.

import { write } from "./strings.js";
import { glyph, techniques } from "./techniques.js";

const settle = 250; // ms that the choice must stand: arrow keys pass over the jacks between
const swing = 420; // ms that the cord takes
const lamps = 5; // shown on a jack; the words beside them tell the whole number

const svg = "http://www.w3.org/2000/svg";
const make = (tag, name) => Object.assign(document.createElement(tag), { className: name });
const draw = (tag, attributes) => {
  const shape = document.createElementNS(svg, tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  return shape;
};

export class Board {
  #field;
  #foot;
  #jacks = new Map(); // id -> { input, hole, lamps, here }
  #shadow;
  #cord;
  #plug;
  #end;
  #patch;
  #from = null;
  #at = null; // where the plug is drawn
  #plugged = false;
  #via = null;
  #quiet = matchMedia("(prefers-reduced-motion: reduce)");
  #swinging = 0;

  /** Fills `field` with the jacks; `foot()` tells where in the window the cord ends; `chosen(id)` hears of a choice that stands. */
  constructor(field, foot, chosen) {
    this.#field = field;
    this.#foot = foot;
    const row = make("div", "jacks");
    let timer = 0;
    for (const { id } of techniques) {
      row.append(this.#jack(id, () => {
        this.#swing();
        clearTimeout(timer);
        timer = setTimeout(() => chosen(id), settle);
      }));
    }
    const cords = draw("svg", { class: "cords", "aria-hidden": "true" });
    this.#patch = draw("path", { class: "patch-cord" });
    this.#shadow = draw("path", { class: "cord-shadow" });
    this.#cord = draw("path", { class: "cord" });
    this.#plug = draw("g", { class: "plug-end" });
    this.#plug.append(draw("circle", { class: "plug-body", r: 11 }), draw("circle", { class: "plug-ring", r: 6.5 }));
    this.#end = draw("circle", { class: "cord-end", r: 5 });
    cords.append(this.#patch, this.#shadow, this.#cord, this.#end, this.#plug);
    field.append(row, cords);
    new ResizeObserver(() => this.#rest()).observe(field);
  }

  /** Shows `id` as chosen, without telling anybody. */
  select(id) {
    this.#jacks.get(id).input.checked = true;
    this.#swing();
  }

  /** Whether the line stands, and what carries it. Unplugged, the cord hangs below its jack. */
  plugged(open, via) {
    if (open === this.#plugged && via === this.#via) return;
    this.#plugged = open;
    this.#via = via;
    for (const [id, { jack }] of this.#jacks) jack.classList.toggle("live", open && id === via);
    this.#swing();
  }

  /** Lights a lamp for each person on each technique: `{ via: count }`. */
  tally(counts) {
    for (const [id, { row, here }] of this.#jacks) {
      const n = counts[id] ?? 0;
      row.replaceChildren(...Array.from({ length: Math.min(n, lamps) }, () => make("i", "lamp")));
      if (n) write(here, "board.here", { n });
      else {
        delete here.dataset.text;
        here.textContent = "";
      }
    }
  }

  #jack(id, changed) {
    const jack = make("label", "jack");
    jack.dataset.via = id;
    write(jack, id, undefined, "hint");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "technique", value: id, className: "unseen" });
    input.addEventListener("change", changed);
    const strip = make("span", "strip");
    const name = make("span", "strip-name");
    write(name, `jack.${id}`);
    strip.append(glyph(id), name);
    const row = make("span", "lamps");
    row.ariaHidden = "true";
    const hole = make("span", "hole");
    const here = make("span", "unseen");
    jack.append(input, strip, row, hole, here);
    this.#jacks.set(id, { jack, input, hole, row, here });
    return jack;
  }

  get #chosen() {
    for (const one of this.#jacks.values()) if (one.input.checked) return one;
    return null;
  }

  #center(hole) {
    const field = this.#field.getBoundingClientRect();
    const box = hole.getBoundingClientRect();
    return { x: box.left - field.left + box.width / 2, y: box.top - field.top + box.height / 2 };
  }

  /** Where the plug belongs now. */
  #goal() {
    const chosen = this.#chosen;
    if (!chosen) return null;
    const { x, y } = this.#center(chosen.hole);
    return this.#plugged ? { x, y } : { x: x + 9, y: y + 26 };
  }

  #rest() {
    cancelAnimationFrame(this.#swinging);
    this.#at = this.#goal();
    this.#lay();
  }

  #swing() {
    const goal = this.#goal();
    if (!goal) return;
    if (!this.#at || this.#quiet.matches) return this.#rest();
    cancelAnimationFrame(this.#swinging);
    this.#from = this.#at;
    const start = performance.now();
    const step = (now) => {
      const part = Math.min((now - start) / swing, 1);
      const eased = 1 - (1 - part) ** 3;
      const lift = Math.sin(part * Math.PI) * Math.min(34, Math.abs(goal.x - this.#from.x) / 4);
      this.#at = {
        x: this.#from.x + (goal.x - this.#from.x) * eased,
        y: this.#from.y + (goal.y - this.#from.y) * eased + lift,
      };
      this.#lay();
      if (part < 1) this.#swinging = requestAnimationFrame(step);
    };
    this.#swinging = requestAnimationFrame(step);
  }

  /** Draws the cord from the plug to its foot, where the wire begins. */
  #lay() {
    if (!this.#at) return;
    const { x, y } = this.#at;
    const field = this.#field.getBoundingClientRect();
    const foot = this.#foot();
    const end = { x: foot.x - field.left, y: foot.y - field.top };
    const fall = end.y - y;
    const path = `M${x} ${y} C${x} ${y + fall * 0.75}, ${end.x} ${end.y - fall * 0.75}, ${end.x} ${end.y}`;
    this.#end.setAttribute("cx", end.x);
    this.#end.setAttribute("cy", end.y);
    this.#cord.setAttribute("d", path);
    this.#shadow.setAttribute("d", path);
    this.#plug.setAttribute("transform", `translate(${x} ${y})`);
    // Plugged into "automatic": a patch leads on to what it has chosen.
    const carrier = this.#jacks.get(this.#via);
    const chosen = this.#chosen;
    const leads = this.#plugged && carrier && chosen && carrier !== chosen;
    this.#patch.toggleAttribute("hidden", !leads);
    if (!leads) return;
    const a = this.#center(chosen.hole);
    const b = this.#center(carrier.hole);
    const drop = 22 + Math.abs(b.x - a.x) * 0.08;
    this.#patch.setAttribute("d", `M${a.x} ${a.y} C${a.x} ${a.y + drop}, ${b.x} ${b.y + drop}, ${b.x} ${b.y}`);
  }
}
