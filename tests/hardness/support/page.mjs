// The rows of spec/hardness.md.

import { readFileSync } from "node:fs";

const PAGE = new URL("../../../spec/hardness.md", import.meta.url);

/** The first column of the table below the heading `title`. */
function rows(title) {
  const text = readFileSync(PAGE, "utf8");
  const section = text.split(/^## /m).find((part) => part.startsWith(title));
  const table = section.split("\n").filter((line) => line.startsWith("|"));
  return table.slice(2).map((line) => line.split("|")[1].trim());
}

/** Attacks by one peer. */
export const attacks = rows("Attacks by one peer");
/** Faults of several nodes, of engines, of our own code. */
export const faults = rows("Faults of several nodes");
