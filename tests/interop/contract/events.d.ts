// The events of everything 1.2.0, from its Rust types: a test writes this file.

export interface ServerToClientEvents {
  /** Somebody says something. */
  "chat message": (from: string, text: string, default_: Mood | null) => void;
  /**
   * Somebody has come.
   *
   * Everybody hears it: /* even *\/ those who came later.
   */
  userJoined: (userJoined: UserJoined) => void;
  program: (steps: Step[], keys: [Key, Key], numbers: { [key: string]: boolean; }) => void;
  picture: (picture: ArrayBuffer | Uint8Array, thumbnail: Bytes | null, anything: unknown) => void;
  question: (text: string, ack: (answer: number) => void) => void;
  listed: (page: Page, ack: () => void) => void;
}

export interface ClientToServerEvents {
  /** Somebody says something. */
  "chat message": (from: string, text: string, default_?: Mood | null) => void;
  typing: () => void;
  question: (text: string, ack: (answer: number) => void) => void;
  shapes: (ack: { [key: string]: number; }, ack_: (answer0: string | null, answer1: Shape[] | null) => void) => void;
  /**
   * Somebody has come.
   *
   * Everybody hears it: /* even *\/ those who came later.
   */
  userJoined: (userJoined: UserJoinedInput) => void;
  picture: (picture: ArrayBuffer | Uint8Array, thumbnail: Bytes | null, anything: unknown) => void;
}

export interface AdminServerToClientEvents {
}

export interface AdminClientToServerEvents {
  setLevel: (level: number) => void;
}

export type Bytes = ArrayBuffer | Uint8Array;

export type Key = number | string;

/** How it is meant. */
export type Mood = "friendly" | "angry";

export interface Page {
  items: Position[];
  next: ArrayBuffer | Uint8Array | null;
}

export type Position = [number, number];

/** Something drawn. */
export type Shape = { kind: "Circle"; radius: number; } | { kind: "Rectangle"; size: [number, number]; } | { kind: "Nothing"; };

export type Step = "Start" | { Move: [number, number]; } | { Draw: { shape: Shape; }; };

/**
 * Somebody has come.
 *
 * Everybody hears it: /* even *\/ those who came later.
 */
export interface UserJoined {
  age: number;
  /** As others see it. */
  displayName: string;
  parent: UserJoined | null;
  position: Position;
  tags: (string | null)[];
}

/**
 * Somebody has come.
 *
 * Everybody hears it: /* even *\/ those who came later.
 */
export interface UserJoinedInput {
  age?: number;
  /** As others see it. */
  displayName: string;
  parent?: UserJoinedInput | null;
  position: Position;
  tags: (string | null)[];
}
