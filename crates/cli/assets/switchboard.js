// The Switchboard: the page's own hand. It owns the parts in switchboard/, brings what one of them hears to the others, and keeps
// nothing but the count of the lines. The parts know nothing of each other.

import { Board } from "./switchboard/board.js";
import { Continuity } from "./switchboard/continuity.js";
import { Log, naming } from "./switchboard/log.js";
import { Meter } from "./switchboard/meter.js";
import { People } from "./switchboard/people.js";
import { Session } from "./switchboard/session.js";
import { anyName, language, speak, text, write } from "./switchboard/strings.js";
import { tap } from "./switchboard/tap.js";
import { glyph, technique, techniques } from "./switchboard/techniques.js";
import { ends, Wire } from "./switchboard/wire.js";

const nameLimit = 32; // characters, as the server cuts
const textLimit = 2_000; // characters, as the server refuses
const warnFrom = 200; // characters left when the page begins to count them
const typingEvery = 2_000; // ms between two words of typing
const refusalShown = 10_000; // ms
const sampleEvery = 250; // ms
const pingEvery = 5_000; // ms; each second in the first seconds of a line
const gapsNamed = 4; // in the sentence about missing lines
const announced = 5; // lines that stay with the screen reader's announcer, which reads only what is added

const part = (name) => document.getElementById(name);
const length = (string) => [...string].length;
const cut = (string, limit) => [...string].slice(0, limit).join("");

// The address tells name, technique and language, so that a reload and a link keep them; nothing is stored.
const address = new URL(location.href);
function remember(key, value) {
  address.searchParams.set(key, value);
  history.replaceState(null, "", address);
}

speak(address.searchParams.get("lang") ?? document.documentElement.lang);

const nameBox = part("name");
nameBox.value = cut((address.searchParams.get("name") ?? "").trim(), nameLimit);
let named = nameBox.value !== "";
if (!named) nameBox.value = anyName();

let chosen = technique(address.searchParams.get("via"));
let chat;
let lines = new Continuity();
let unread = 0;

const log = new Log({ scroller: part("scroller"), list: part("lines"), pending: part("pending"), more: part("more") });
const people = new People({ strip: part("people"), count: part("count"), typing: part("typing") });
const meter = new Meter();
new Wire(part("wire"), () => session.via ?? chosen.id);
const board = new Board(part("field"), cordFoot, (id) => plug(technique(id)));

const session = new Session(nameBox.value, () => (chat === undefined ? {} : { chat, last: lines.last }), {
  state: showState,
  welcome,
  line: (line, via) => {
    hear(line, via);
    announce(line);
    showWhole();
  },
  people: showPeople,
  typing: (typing) => people.typing(typing),
  waiting: (texts) => log.waiting(texts),
  refused,
});

/** The cord ends where the wire's upper end begins, or at the bar that hides it where there is little room. */
function cordFoot() {
  const bar = part("details").getBoundingClientRect();
  if (bar.height) return { x: bar.left + 20, y: bar.top };
  const wire = part("wire").getBoundingClientRect();
  return { x: wire.left + 3, y: wire.top + ends };
}

function plug(to) {
  chosen = to;
  remember("via", chosen.id);
  write(part("when-head"), "when.head", { via: { key: chosen.id } });
  write(part("when"), `when.${chosen.id}`);
  part("when-section").dataset.via = chosen.id;
  meter.reset();
  showOthers();
  session.plug(chosen);
}

function welcome(answer, fresh) {
  people.become(answer.you.id);
  if (fresh) {
    if (answer.chat !== chat) {
      lines = new Continuity();
      log.clear();
      people.forget();
      people.become(answer.you.id);
      chat = answer.chat;
      lines.begin(answer.lines[0]?.n, answer.last);
    }
    for (const line of answer.lines) hear(line, session.via);
    lines.settle(answer.last);
    showWhole();
    soon = 5;
  }
  if (document.activeElement !== nameBox) nameBox.value = answer.you.name;
  showPeople(answer.people);
  if (!named) nameApart(answer);
}

/** A name that the page has made up is given to nobody twice. */
function nameApart({ you, people: { list } }) {
  named = true;
  const others = list.filter(({ id }) => id !== you.id).map(({ name }) => name);
  if (!others.includes(you.name)) return;
  nameBox.value = anyName(others);
  session.rename(nameBox.value);
}

/** One line, from the answer to a hello or as it is said. */
function hear(line, via) {
  const how = lines.take(line.n);
  if (how === "again") return;
  people.spoke(line.id);
  log.add(line, people.isMine(line.id), via);
  part("empty").hidden = true;
}

function announce(line) {
  if (people.isMine(line.id)) return;
  const told = part("announcer");
  const words = document.createElement("p");
  words.textContent = `${line.from}: ${line.text}`;
  told.append(words);
  while (told.childElementCount > announced) told.firstElementChild.remove();
  if (!document.hidden) return;
  unread += 1;
  showTitle();
}

function showWhole() {
  const told = part("whole");
  const missing = lines.missing;
  const fine = missing === 0 && lines.twice.length === 0;
  told.classList.toggle("broken", !fine);
  log.forgetGaps();
  for (const [from, to] of lines.gaps) log.gap(from, to);
  if (fine) write(told, "whole.yes", { n: lines.count });
  else if (missing) write(told, "whole.missing", { n: missing, list: inWords(lines.gaps) });
  else write(told, "whole.twice", { n: lines.twice.length, list: inWords(lines.twice.map((n) => [n, n])) });
  part("empty").hidden = lines.last > 0;
}

function inWords(ranges) {
  const words = ranges.slice(0, gapsNamed).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return words.join(", ") + (ranges.length > gapsNamed ? ", \u2026" : "");
}

function showPeople(told) {
  people.show(told);
  board.tally(people.tally());
}

function showTitle() {
  document.title = (unread ? `(${unread}) ` : "") + text("title");
}

let tries = 0;
let refusal = null; // the values of "banner.refused" while it is shown
let refusalEnds = 0;

function showState(_, count) {
  tries = count;
  showLine();
}

/**
 * The state of the line. A broken stream is taken up again by the client without a word, so it is looked for; an upgrade is not
 * told either. This is called with every sample.
 */
function showLine() {
  const via = session.via;
  const state = via === "sse" && !tap.holds("sse") ? "cut" : session.state;
  document.body.dataset.state = state;
  document.body.dataset.via = via ?? chosen.id;
  write(part("state"), `state.${state}`);
  part("carrier").hidden = state !== "open" || !via;
  if (via) write(part("carrier"), "state.carrier", { via: naming(via) });
  board.plugged(state === "open", via);
  part("retry").hidden = state !== "cut" && state !== "ended";
  part("banner").hidden = state === "open" && !refusal;
  if (state !== "open") write(part("banner-text"), `banner.${state}`, state === "cut" ? { tries } : undefined);
  else if (refusal) write(part("banner-text"), "banner.refused", refusal);
}

function refused(said, code) {
  const known = ["empty", "too-long"].includes(code);
  refusal = { why: known ? { key: `refused.${code}` } : text("refused.other", { code }) };
  clearTimeout(refusalEnds);
  refusalEnds = setTimeout(() => {
    refusal = null;
    showLine();
  }, refusalShown);
  if (said && composer.value === "") composer.value = said;
  showLine();
}

// What it costs.

const figures = [
  ["requests", "requests"],
  ["messages", "messages"],
  ["up", "bytesUp"],
  ["down", "bytesDown"],
  ["headers", "headers"],
];

function amount(bytes) {
  const show = (value, digits) => value.toLocaleString(language(), { maximumFractionDigits: digits });
  if (bytes < 1_000) return [show(bytes, 0), "B"];
  if (bytes < 1_000_000) return [show(bytes / 1_000, bytes < 100_000 ? 1 : 0), "kB"];
  return [show(bytes / 1_000_000, 1), "MB"];
}

function showCost() {
  const { minute, total, pings, p50 } = meter.read();
  for (const [name, field] of figures) {
    const bytes = name === "up" || name === "down" || name === "headers";
    const put = (value) => (bytes ? amount(value) : [value.toLocaleString(language()), ""]);
    const [value, unit] = put(minute[field]);
    part(`cost-${name}`).textContent = value;
    part(`cost-${name}-unit`).textContent = unit;
    write(part(`cost-${name}-total`), "cost.total", { n: put(total[field]).join(" ").trim() });
  }
  const digits = p50 !== null && p50 < 10 ? 1 : 0;
  part("cost-latency").textContent = p50 === null ? "\u2013" : p50.toLocaleString(language(), { maximumFractionDigits: digits });
  write(part("cost-latency-total"), "cost.pings", { n: pings });
  const bytes = amount(minute.bytesUp + minute.bytesDown).join(" ");
  write(part("brief"), "board.brief", { requests: minute.requests, bytes, latency: part("cost-latency").textContent });
}

let soon = 0; // pings that follow each other quickly
let pinged = 0;
let asking = false;

setInterval(async () => {
  meter.sample(session.engine);
  showLine();
  showCost();
  const due = performance.now() - pinged > (soon > 0 ? 1_000 : pingEvery);
  if (!due || asking || document.hidden || session.state !== "open") return;
  pinged = performance.now();
  soon = Math.max(0, soon - 1);
  asking = true;
  const asked = chosen;
  const took = await session.ping();
  asking = false;
  if (took !== null && asked === chosen) meter.ping(took);
}, sampleEvery);

// Saying something.

const composer = part("text");
const left = part("left");
let toldTyping = 0;

function grow() {
  composer.style.height = "auto";
  composer.style.height = `${composer.scrollHeight + composer.offsetHeight - composer.clientHeight}px`;
  const rest = textLimit - length(composer.value);
  left.hidden = rest >= warnFrom;
  left.classList.toggle("over", rest < 0);
  if (rest < warnFrom) write(left, "compose.left", { n: rest });
}

function stopTyping() {
  if (toldTyping) session.typing(false);
  toldTyping = 0;
}

composer.addEventListener("input", () => {
  grow();
  if (composer.value === "") return stopTyping();
  if (performance.now() - toldTyping < typingEvery && toldTyping) return;
  toldTyping = performance.now();
  session.typing(true);
});
composer.addEventListener("blur", stopTyping);

function send() {
  const words = composer.value;
  if (words.trim() === "" || length(words) > textLimit) return composer.focus();
  composer.value = "";
  toldTyping = 0; // the line itself ends it
  grow();
  session.say(words);
  composer.focus();
}

composer.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey) return;
  // While an input method composes, Enter takes its suggestion; Safari ends the composition first and then tells 229.
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
});
part("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});

nameBox.addEventListener("input", (event) => {
  if (!event.isComposing && length(nameBox.value) > nameLimit) nameBox.value = cut(nameBox.value, nameLimit);
});
nameBox.addEventListener("change", () => {
  const name = cut(nameBox.value.trim(), nameLimit) || anyName();
  nameBox.value = name;
  named = true;
  remember("name", name);
  showOthers();
  session.rename(name);
});
nameBox.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  composer.focus();
});

// The rest of the page.

/** Links that open this page once more, over each technique: on the board, and where nobody has spoken yet. */
function showOthers() {
  for (const place of [part("others"), part("empty-others")]) place.replaceChildren(...techniques.map(({ id }) => another(id)));
}

function another(id) {
  const link = document.createElement("a");
  const query = new URLSearchParams({ via: id, lang: language() });
  Object.assign(link, { href: `/?${query}`, target: "_blank", rel: "noopener", className: "another" });
  link.dataset.via = id;
  const name = document.createElement("span");
  write(name, `jack.${id}`);
  write(link, id, undefined, "hint");
  link.append(glyph(id), name);
  return link;
}

part("language").addEventListener("click", () => {
  speak(language() === "en" ? "ja" : "en");
  remember("lang", language());
  part("language").lang = language() === "en" ? "ja" : "en";
  showTitle();
  showOthers();
  showCost();
});
part("language").lang = language() === "en" ? "ja" : "en";

part("details").addEventListener("click", () => {
  const open = part("details").getAttribute("aria-expanded") !== "true";
  part("details").setAttribute("aria-expanded", String(open));
  part("board").classList.toggle("open", open);
});

part("retry").addEventListener("click", () => session.again());

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  showTitle();
});

showTitle();
board.select(chosen.id);
plug(chosen);
grow();
