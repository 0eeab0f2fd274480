import type { ImageEvent } from "./model.ts";

/** Events of one run: with so many, nobody looks at each. */
const maxEvents = 100_000;
/** Tags, lines and repositories that are kept of one event. */
const maxNamed = 200;

/** One edge, as far as an event keeps it. */
interface EdgeOutcome {
  readonly tag?: string | null | undefined;
  readonly place: string;
  readonly destinations: readonly string[];
  readonly state?: string | undefined;
  readonly why?: string | undefined;
  readonly pull?: string | undefined;
}

interface Gathered {
  readonly of: Omit<ImageEvent, "details">;
  readonly tags: Set<string>;
  readonly places: Set<string>;
  readonly destinations: Set<string>;
  readonly edge: EdgeOutcome;
}

/** Gathers edges into events: those of one image that are the same thing are one, however many mirrors they are about. */
export function createOutcomes(): {
  add(of: Omit<ImageEvent, "details">, edge: EdgeOutcome): void;
  events(): readonly ImageEvent[];
  /** What was too much to be kept. */
  why(): string | undefined;
} {
  const gathered = new Map<string, Gathered>();
  const known = new Map<string, string>();
  let leftOut = 0;
  /** The names of repositories and files of 720,000 edges are few. */
  const sameText = (text: string): string => {
    const found = known.get(text);
    if (found === undefined) known.set(text, text);
    return found ?? text;
  };
  const put = (texts: Set<string>, text: string): void => {
    if (texts.size < maxNamed) texts.add(sameText(text));
  };
  return {
    add(of, edge) {
      const name = `${of.image}@${of.digest} ${of.kind} ${of.key}`;
      let event = gathered.get(name);
      if (event === undefined) {
        if (gathered.size >= maxEvents) {
          leftOut += 1;
          return;
        }
        event = { of, edge, tags: new Set(), places: new Set(), destinations: new Set() };
        gathered.set(name, event);
      }
      if (edge.tag != null) put(event.tags, edge.tag);
      put(event.places, edge.place);
      for (const destination of edge.destinations) put(event.destinations, destination);
    },
    events: () =>
      Array.from(gathered.values(), ({ of, edge: { state, why, pull }, tags, places, destinations }) => ({
        ...of,
        details: {
          ...{ tags: [...tags], places: [...places], destinations: [...destinations] },
          ...{ state, why: why, pull },
        },
      })),
    why: () => (leftOut === 0 ? undefined : `edges that were too many to be kept: ${leftOut}`),
  };
}
