import { Presence, type PresenceOptions } from "./presence.ts";

/**
 * Whether who is asked is there: a registry, its token service, and each place that it sends us to. A token service is a
 * place of its own, wherever it is: it may be away behind an origin that answers.
 */
export class Places {
  readonly #open: (host: string) => PresenceOptions;
  readonly #presences = new Map<string, Presence>();

  constructor(open: (host: string) => PresenceOptions) {
    this.#open = open;
  }

  at({ origin, host }: URL): Presence {
    return this.#known(origin, host);
  }

  tokenServiceAt({ origin, host }: URL): Presence {
    return this.#known(tokensAt(origin), host);
  }

  /** Whether a registry is away, or the service without whose tokens nothing can be asked of it. */
  isAway({ origin }: URL): boolean {
    return [...this.#presences].some(
      ([place, { isAway }]) => isAway && (place === origin || place.startsWith(tokensAt(""))),
    );
  }

  /** Whether something has answered there in this run. */
  wasThere({ origin }: URL): boolean {
    return [origin, tokensAt(origin)].some((place) => this.#presences.get(place)?.wasThere === true);
  }

  /** Nobody waits any more. */
  close(): void {
    for (const presence of this.#presences.values()) presence.close();
  }

  #known(place: string, host: string): Presence {
    const presence = this.#presences.get(place) ?? new Presence(this.#open(host));
    this.#presences.set(place, presence);
    return presence;
  }
}

function tokensAt(origin: string): string {
  return `tokens ${origin}`;
}
