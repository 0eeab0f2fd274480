/** Something secret that ends. */
export interface Expiring<Value> {
  readonly value: Value;
  /** Milliseconds that it is good for, from when it was asked for. */
  readonly life: number;
  /** Who gave it, for people. */
  readonly source: string;
}

/** What a {@link renewed} one holds now. */
export type Held<Value> = Omit<Expiring<Value>, "life">;

/** One secret that is asked for when it is first needed, and anew before it ends. */
export type Renewed<Value> = (refused?: Value) => Promise<Held<Value>>;

/** Milliseconds before its end in which one is replaced: metadata servers give a new one five minutes before. */
const margin = 3 * 60_000;
/** Where a new one cannot be had, the old one is used to its end, and a new one asked for again after so many milliseconds. */
const restFor = 30_000;

/**
 * Keeps what ends in memory until shortly before; all who need it meanwhile wait for one request. It is given up sooner when
 * somebody says that it was refused, who then gets another one.
 * @param ask Told whether the last one was refused, so that what it was got with may have ended, too.
 */
export function renewed<Value>(
  ask: (isRefused: boolean) => Promise<Expiring<Value>>,
  now: () => number = Date.now,
): Renewed<Value> {
  let held: { readonly it: Held<Value>; readonly endsAt: number; renewAt: number } | undefined;
  let asking: Promise<Held<Value>> | undefined;
  let isRefused = false;

  const askNow = async (): Promise<Held<Value>> => {
    const since = now();
    try {
      const { life, ...it } = await ask(isRefused);
      isRefused = false;
      held = { it, endsAt: since + life, renewAt: since + Math.max(life - margin, life / 2) };
      return it;
    } catch (error) {
      if (held === undefined || now() >= held.endsAt) throw error;
      held.renewAt = now() + restFor;
      return held.it;
    } finally {
      asking = undefined;
    }
  };

  return (refused) => {
    if (held !== undefined && held.it.value === refused) {
      held = undefined;
      isRefused = true;
    }
    if (held !== undefined && now() < held.renewAt) return Promise.resolve(held.it);
    asking ??= askNow();
    return asking;
  };
}
