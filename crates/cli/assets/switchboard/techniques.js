// The techniques: what the picker offers, and how each is asked of the client. Knows nothing of the page.

/** In the order of the jacks. `options` go to `io()`; `polls` is what a polling transport is called under them. */
export const techniques = [
  { id: "auto", options: {}, polls: "long-polling" },
  { id: "short-polling", options: { transports: ["polling"], poll: { wait: 0 } }, polls: "short-polling" },
  { id: "long-polling", options: { transports: ["polling"] }, polls: "long-polling" },
  { id: "sse", options: { transports: ["sse"] }, polls: "long-polling" },
  { id: "websocket", options: { transports: ["websocket"] }, polls: "long-polling" },
];

/** The technique called `id`, or the automatic one. */
export const technique = (id) => techniques.find((one) => one.id === id) ?? techniques[0];

/** What carries a session of this technique, by the name its client gives the transport in use. */
export const carrier = (chosen, transport) => (transport === "polling" ? chosen.polls : transport);

const svg = "http://www.w3.org/2000/svg";

/** The glyph of a technique, drawn as its traffic looks on the wire. Decoration: words stand beside it. */
export function glyph(id) {
  const picture = document.createElementNS(svg, "svg");
  picture.setAttribute("class", "glyph");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg, "use");
  use.setAttribute("href", techniques.some((one) => one.id === id) ? `#glyph-${id}` : "#glyph-other");
  picture.append(use);
  return picture;
}
