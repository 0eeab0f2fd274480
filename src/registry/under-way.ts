/** Work of one host that is not over. */
export interface HostWork {
  readonly host: string;
  /** How many things have been asked for. */
  readonly count: number;
  /** When the oldest of them was, in milliseconds since 1970. */
  readonly since: number;
}

/** What is under way, by host. */
export class UnderWay {
  /** When each thing was begun, in that order. */
  readonly #hosts = new Map<string, Set<{ readonly since: number }>>();

  /** @returns How to end it. */
  begin(host: string): () => void {
    const work = { since: Date.now() };
    const known = this.#hosts.get(host) ?? new Set();
    this.#hosts.set(host, known.add(work));
    return () => {
      known.delete(work);
    };
  }

  read(): readonly HostWork[] {
    return [...this.#hosts].flatMap(([host, works]) => {
      const [oldest] = works;
      return oldest === undefined ? [] : [{ host, count: works.size, since: oldest.since }];
    });
  }
}
