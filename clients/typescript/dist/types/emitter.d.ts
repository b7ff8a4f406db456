/** A map from event names to listener types. Interfaces fit, no index signature is needed. */
export type Events<Map> = {
    [Event in keyof Map]: (...args: never[]) => unknown;
};
/**
 * The map used when none is given: any name, any arguments. Arguments are `unknown` unless the listener says what it
 * expects (`(text: string) => ...`), which is then the application's claim about the wire.
 */
export interface DefaultEvents {
    [event: string]: {
        listen(...args: unknown[]): void;
    }["listen"];
}
/** No events. */
export type NoEvents = Record<never, never>;
/** The names in `Map`. */
export type EventName<Map> = keyof Map & string;
/** The arguments that a listener of `Event` gets. */
export type EventArgs<Map, Event extends keyof Map> = Map[Event] extends (...args: infer Args) => unknown ? Args : never;
/** The listener type of `Event`: `Reserved` names win over the application's. */
export type ListenerOf<Listen, Reserved, Event> = Event extends keyof Reserved ? Reserved[Event] : Event extends keyof Listen ? Listen[Event] : never;
/** Throws `error` where the runtime sees it, out of our own call stack. */
export declare function report(error: unknown): void;
/** Calls application code: what it throws is reported and goes no further. */
export declare function call(listener: (...args: never[]) => unknown, receiver: unknown, args: readonly unknown[]): void;
/** Keeps listeners by event name and calls them in the order in which they were added. */
export declare class Emitter<Listen extends Events<Listen>, Reserved extends Events<Reserved> = NoEvents> {
    private entries;
    /** Adds a listener. The same listener added twice is called twice. */
    on<Event extends EventName<Reserved> | EventName<Listen>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this;
    /** Adds a listener that is removed just before its first call. */
    once<Event extends EventName<Reserved> | EventName<Listen>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this;
    /** Removes one listener (its last registration); without `listener` all of that event; without `event` all. */
    off<Event extends EventName<Reserved> | EventName<Listen>>(event?: Event, listener?: ListenerOf<Listen, Reserved, Event>): this;
    /** Removes one listener, as `off(event, listener)`. */
    removeListener<Event extends EventName<Reserved> | EventName<Listen>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this;
    /** Removes all listeners of `event`, or all listeners, as `off(event?)`. */
    removeAllListeners<Event extends EventName<Reserved> | EventName<Listen>>(event?: Event): this;
    /** The listeners of `event`, in calling order. */
    listeners<Event extends EventName<Reserved> | EventName<Listen>>(event: Event): ListenerOf<Listen, Reserved, Event>[];
    /** Whether `event` has a listener. */
    hasListeners(event: EventName<Reserved> | EventName<Listen>): boolean;
    /** Tells the listeners of an event of our own. */
    protected fire<Event extends EventName<Reserved>>(event: Event, ...args: EventArgs<Reserved, Event>): void;
    /** Calls the listeners that stand now; what they add or remove counts from the next event on. */
    protected dispatch(event: string, args: readonly unknown[]): void;
    private add;
    private remove;
}
