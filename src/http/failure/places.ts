import { Presence, type PresenceOptions } from "./presence.ts";

/** What a place is called in failures. */
type Place = Pick<PresenceOptions, "host" | "inTls" | "role">;

/**
 * Whether who is asked is there: an origin, each place that it sends us to, and what is asked in a role of its own, such as
 * a token service. That is a place by itself, wherever it is: it may be away behind an origin that answers.
 */
export class Places {
  readonly #open: (place: Place) => PresenceOptions;
  readonly #known: {
    readonly origin: string;
    readonly role: string | undefined;
    readonly presence: Presence;
  }[] = [];

  constructor(open: (place: Place) => PresenceOptions) {
    this.#open = open;
  }

  at({ origin, host, protocol }: URL, role?: string): Presence {
    const known = this.#known.find((place) => place.origin === origin && place.role === role);
    if (known !== undefined) return known.presence;
    const presence = new Presence(this.#open({ host, inTls: protocol === "https:", role }));
    this.#known.push({ origin, role, presence });
    return presence;
  }

  /** Whether an origin is away, or what has a role, without which nothing can be asked of it. */
  isAway({ origin }: URL): boolean {
    return this.#known.some(
      (place) => place.presence.isAway && (place.role !== undefined || place.origin === origin),
    );
  }

  /** Whether something has answered there in this run. */
  wasThere({ origin }: URL): boolean {
    return this.#known.some((place) => place.origin === origin && place.presence.wasThere);
  }

  close(): void {
    for (const { presence } of this.#known) presence.close();
  }
}
