import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Emitter, type NoEvents } from "../src/emitter.js";
import { catchReported, settle } from "./support.js";

interface Sample {
  a: (value: number) => void;
  b: () => void;
}

class Source extends Emitter<NoEvents, Sample> {
  say(value: number): void {
    this.fire("a", value);
  }
}

describe("an emitter", () => {
  test("calls listeners in order, each as often as it was added, with itself as `this`", () => {
    const source = new Source();
    const log: string[] = [];
    const listener = function (this: unknown, value: number) {
      log.push(`${value} ${this === source}`);
    };
    source.on("a", listener).on("a", (value) => log.push(`second ${value}`)).on("a", listener);
    source.say(1);
    assert.deepEqual(log, ["1 true", "second 1", "1 true"]);
  });

  test("calls a once listener once, even when it is told again from inside", () => {
    const source = new Source();
    const log: number[] = [];
    source.once("a", (value) => {
      log.push(value);
      if (value < 3) source.say(value + 1);
    });
    source.say(1);
    assert.deepEqual(log, [1]);
    assert.equal(source.hasListeners("a"), false);
  });

  test("off removes one registration, one event, or all", () => {
    const source = new Source();
    const listener = () => {};
    const other = () => {};
    source.on("a", listener).on("a", other).on("a", listener).once("b", listener);
    source.off("a", listener);
    assert.deepEqual(source.listeners("a"), [listener, other]);
    source.off("b", listener);
    assert.equal(source.hasListeners("b"), false);
    source.on("b", other);
    source.off("a");
    assert.deepEqual([source.listeners("a"), source.listeners("b")], [[], [other]]);
    source.off();
    assert.equal(source.hasListeners("b"), false);
  });

  test("listeners added or removed meanwhile count from the next event on", () => {
    const source = new Source();
    const log: string[] = [];
    const late = () => log.push("late");
    const removed = () => log.push("removed");
    source.on("a", () => {
      source.off("a", removed);
      source.on("a", late);
    });
    source.on("a", removed);
    source.say(1);
    assert.deepEqual(log, ["removed"]);
    source.say(2);
    assert.deepEqual(log, ["removed", "late"]);
  });

  test("a listener that throws is reported, and the others are called", async () => {
    const source = new Source();
    const log: number[] = [];
    const reported = catchReported();
    source.on("a", () => {
      throw new Error("mine");
    });
    source.on("a", (value) => log.push(value));
    source.say(1);
    await settle();
    assert.deepEqual(log, [1]);
    assert.deepEqual(reported().map(String), ["Error: mine"]);
  });
});
