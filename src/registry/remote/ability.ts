import type { HostClient } from "../host/host-client.ts";

/**
 * Something that registries may be able to do and do not announce. The first to need it on a host finds out, one at a
 * time; the others do what was found.
 */
export class Ability {
  readonly #known = new WeakMap<HostClient, "able" | "unable" | "trying">();

  /**
   * What came of it, or `undefined`, without trying, on a host that is unable or where somebody is finding out.
   * @param attempt Tells as well whether the registry was able.
   */
  async use<Result>(
    client: HostClient,
    attempt: () => Promise<{ readonly result: Result; readonly able: boolean }>,
  ): Promise<Result | undefined> {
    const known = this.#known.get(client);
    if (known === "unable" || known === "trying") return undefined;
    if (known === undefined) this.#known.set(client, "trying");
    try {
      const { result, able } = await attempt();
      this.#known.set(client, able ? "able" : "unable");
      return result;
    } finally {
      if (this.#known.get(client) === "trying") this.#known.delete(client);
    }
  }

  /** The host is known, from elsewhere, to be able. */
  grant(client: HostClient): void {
    if (!this.#known.has(client)) this.#known.set(client, "able");
  }
}
