import type { EventArgs } from "../emitter.js";
type AnyFunction = (...args: never[]) => unknown;
type Last<Args extends readonly unknown[]> = Args extends readonly [...unknown[], infer Item] ? Item : unknown;
type AllButLast<Args extends readonly unknown[]> = Args extends readonly [...infer Rest, unknown] ? Rest : unknown[];
type WithError<Callback> = Callback extends (...args: infer Args) => infer Result ? (error: Error | null, ...args: Args) => Result : Callback;
type LastWithError<Args extends readonly unknown[]> = Args extends readonly [...infer Rest, infer Item] ? [...Rest, WithError<Item>] : Args;
/** The same events, with an error (or `null`) in front of what each acknowledgement brings. */
export type WithAckErrors<Map> = {
    [Event in keyof Map]: Map[Event] extends (...args: infer Args) => infer Result ? (...args: LastWithError<Args>) => Result : never;
};
/** The arguments of an event, its acknowledgement left out. */
export type ArgsWithoutAck<Map, Event extends keyof Map> = AllButLast<EventArgs<Map, Event>>;
/** What the acknowledgement of an event brings first. */
export type AckResult<Map, Event extends keyof Map> = Last<EventArgs<Map, Event>> extends infer Callback ? Callback extends AnyFunction ? Parameters<Callback> extends readonly [infer First, ...unknown[]] ? [Error | null] extends [First] ? Parameters<Callback> extends readonly [unknown, infer Second, ...unknown[]] ? Second : void : First : void : unknown : never;
export {};
