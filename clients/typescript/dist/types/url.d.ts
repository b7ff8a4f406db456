/** The parts of an address. */
export interface Target {
    /** TLS or not. */
    readonly secure: boolean;
    /** `name[:port]`, the port only when it is not the scheme's own. */
    readonly host: string;
    /** The namespace: the path, `/` when there is none. */
    readonly namespace: string;
    /** The query's parameters, absent when there is none. */
    readonly query?: Record<string, string>;
}
/**
 * Reads `https://host:port/namespace?query`, with the page's own address for what is left out (`/namespace`,
 * `//host`, `host:port`). The namespace is taken letter by letter, never percent-encoded.
 */
export declare function readAddress(uri?: string): Target;
