// Whether the numbers of the lines are whole. Pure: knows no page and no connection.

/** Follows the numbers as they come; tells which are missing and which came twice. */
export class Continuity {
  /** Different lines that came. */
  count = 0;
  /** The highest number seen, 0 before the first. */
  last = 0;
  /** Numbers passed over and not seen yet, as `[from, to]`, ascending. */
  gaps = [];
  /** Numbers that came more than once, in the order this was noticed. */
  twice = [];

  /**
   * Begins at the first contact: the server has given numbers up to `last`, and `first` is the first line of its answer
   * (none: nothing is kept, and nothing was promised).
   */
  begin(first, last) {
    this.last = first === undefined ? last : first - 1;
  }

  /** A line came. Answers `"next"`, `"skipped"` (some before it are missing), `"late"` (it fills a gap), or `"again"`. */
  take(n) {
    if (n > this.last) {
      const skipped = n > this.last + 1;
      if (skipped) this.gaps.push([this.last + 1, n - 1]);
      this.last = n;
      this.count += 1;
      return skipped ? "skipped" : "next";
    }
    const at = this.gaps.findIndex(([from, to]) => from <= n && n <= to);
    if (at < 0) {
      if (!this.twice.includes(n)) this.twice.push(n);
      return "again";
    }
    const [from, to] = this.gaps[at];
    this.gaps.splice(at, 1, ...[[from, n - 1], [n + 1, to]].filter(([a, b]) => a <= b));
    this.count += 1;
    return "late";
  }

  /** The server has told all there is up to `last`: whatever is not here by then is missing. */
  settle(last) {
    if (last <= this.last) return;
    this.gaps.push([this.last + 1, last]);
    this.last = last;
  }

  /** How many numbers are missing. */
  get missing() {
    return this.gaps.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }
}
