// Sentences of spec/conformance.md that wait for something Sockeye does not have yet.
//
// A case here must hold on the original packages, and must fail on ours: one that holds is to move to the others.

import { test } from "node:test";
import { reference } from "./server.mjs";

/** How the reason of such a case begins; the runner counts them by it. */
export const NOT_YET = "not yet: ";

/** Switches on, in the applications on the original packages, what is waited for. */
export const SWITCHED_ON = { CONFORMANCE_NOT_YET: "1" };

export function notYet(sentence, waitsFor, holds) {
  test(sentence, async (t) => {
    if (reference) return holds(t);
    try {
      await holds(t);
    } catch {
      t.skip(NOT_YET + waitsFor);
      return;
    }
    throw new Error(`it holds now: take it out of the cases that wait for ${waitsFor}`);
  });
}
