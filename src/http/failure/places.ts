import { Presence, type PresenceOptions } from "./presence.ts";

/** What a place is called in failures. */
type Place = Pick<PresenceOptions, "host" | "inTls" | "role">;

/**
 * Whether who is asked is there: an origin, each place that it sends us to, and what is asked in a role of its own, such as
 * a token service. That is a place by itself, wherever it is: it may be away behind an origin that answers.
 */
export class Places {
  readonly #open: (place: Place) => PresenceOptions;
  readonly #presences = new Map<string, Presence>();
  readonly #roles = new Set<string>();

  constructor(open: (place: Place) => PresenceOptions) {
    this.#open = open;
  }

  at(url: URL, role?: string): Presence {
    const key = keyOf(url.origin, role);
    const known = this.#presences.get(key);
    if (known !== undefined) return known;
    const presence = new Presence(this.#open({ host: url.host, inTls: url.protocol === "https:", role }));
    this.#presences.set(key, presence);
    if (role !== undefined) this.#roles.add(role);
    return presence;
  }

  /** Whether an origin is away, or what has a role, without which nothing can be asked of it. */
  isAway({ origin }: URL): boolean {
    return [...this.#presences].some(
      ([place, { isAway }]) => isAway && (place === origin || place.includes(" ")),
    );
  }

  /** Whether something has answered there in this run. */
  wasThere({ origin }: URL): boolean {
    return [undefined, ...this.#roles].some(
      (role) => this.#presences.get(keyOf(origin, role))?.wasThere === true,
    );
  }

  /** Nobody waits any more. */
  close(): void {
    for (const presence of this.#presences.values()) presence.close();
  }
}

/** Origins hold no spaces. */
function keyOf(origin: string, role: string | undefined): string {
  return role === undefined ? origin : `${origin} ${role}`;
}
