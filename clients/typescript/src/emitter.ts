// Listeners by event name, and the types that tell which listener fits which event.
//
// A listener that throws harms nobody else: the error is thrown again from a microtask of its own, where the
// runtime reports it as uncaught, and the remaining listeners are called. So user code never runs in the middle of
// our own bookkeeping with the power to abort it.

/** A map from event names to listener types. Interfaces fit, no index signature is needed. */
export type Events<Map> = { [Event in keyof Map]: (...args: never[]) => unknown };

/**
 * The map used when none is given: any name, any arguments. Arguments are `unknown` unless the listener says what it
 * expects (`(text: string) => ...`), which is then the application's claim about the wire.
 */
export interface DefaultEvents {
  // A method's parameters are compared in both directions, which lets a listener narrow `unknown` in its signature.
  [event: string]: { listen(...args: unknown[]): void }["listen"];
}

/** No events. */
export type NoEvents = Record<never, never>;

/** The names in `Map`. */
export type EventName<Map> = keyof Map & string;

/** The arguments that a listener of `Event` gets. */
export type EventArgs<Map, Event extends keyof Map> = Map[Event] extends (...args: infer Args) => unknown
  ? Args
  : never;

/** The listener type of `Event`: `Reserved` names win over the application's. */
export type ListenerOf<Listen, Reserved, Event> = Event extends keyof Reserved
  ? Reserved[Event]
  : Event extends keyof Listen
    ? Listen[Event]
    : never;

type Listener = (...args: never[]) => unknown;

interface Entry {
  readonly listener: Listener;
  readonly once: boolean;
}

/** Throws `error` where the runtime sees it, out of our own call stack. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Calls application code: what it throws is reported and goes no further. */
export function call(listener: (...args: never[]) => unknown, receiver: unknown, args: readonly unknown[]): void {
  try {
    listener.apply(receiver, args as never[]);
  } catch (error) {
    report(error);
  }
}

/** Keeps listeners by event name and calls them in the order in which they were added. */
export class Emitter<Listen extends Events<Listen>, Reserved extends Events<Reserved> = NoEvents> {
  private entries = new Map<string, readonly Entry[]>();

  /** Adds a listener. The same listener added twice is called twice. */
  on<Event extends EventName<Reserved> | EventName<Listen>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    return this.add(event, listener as Listener, false);
  }

  /** Adds a listener that is removed just before its first call. */
  once<Event extends EventName<Reserved> | EventName<Listen>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    return this.add(event, listener as Listener, true);
  }

  /** Removes one listener (its last registration); without `listener` all of that event; without `event` all. */
  off<Event extends EventName<Reserved> | EventName<Listen>>(
    event?: Event,
    listener?: ListenerOf<Listen, Reserved, Event>,
  ): this {
    if (event === undefined) this.entries.clear();
    else if (listener === undefined) this.entries.delete(event);
    else this.remove(event, (entry) => entry.listener === (listener as Listener));
    return this;
  }

  /** Removes one listener, as `off(event, listener)`. */
  removeListener<Event extends EventName<Reserved> | EventName<Listen>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    return this.off(event, listener);
  }

  /** Removes all listeners of `event`, or all listeners, as `off(event?)`. */
  removeAllListeners<Event extends EventName<Reserved> | EventName<Listen>>(event?: Event): this {
    return this.off(event);
  }

  /** The listeners of `event`, in calling order. */
  listeners<Event extends EventName<Reserved> | EventName<Listen>>(
    event: Event,
  ): ListenerOf<Listen, Reserved, Event>[] {
    return (this.entries.get(event) || []).map((entry) => entry.listener as ListenerOf<Listen, Reserved, Event>);
  }

  /** Whether `event` has a listener. */
  hasListeners(event: EventName<Reserved> | EventName<Listen>): boolean {
    return this.entries.has(event);
  }

  /** Tells the listeners of an event of our own. */
  protected fire<Event extends EventName<Reserved>>(event: Event, ...args: EventArgs<Reserved, Event>): void {
    this.dispatch(event, args);
  }

  /** Calls the listeners that stand now; what they add or remove counts from the next event on. */
  protected dispatch(event: string, args: readonly unknown[]): void {
    for (const entry of this.entries.get(event) || []) {
      if (entry.once) this.remove(event, (other) => other === entry);
      call(entry.listener, this, args);
    }
  }

  private add(event: string, listener: Listener, once: boolean): this {
    this.entries.set(event, [...(this.entries.get(event) || []), { listener, once }]);
    return this;
  }

  // Lists are replaced, never changed, so that a running `dispatch` goes through the list that it began with.
  private remove(event: string, matches: (entry: Entry) => boolean): void {
    const entries = [...(this.entries.get(event) || [])];
    for (let index = entries.length; index--; ) {
      if (matches(entries[index]!)) {
        entries.splice(index, 1);
        break;
      }
    }
    if (entries.length) this.entries.set(event, entries);
    else this.entries.delete(event);
  }
}
