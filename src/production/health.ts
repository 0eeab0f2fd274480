/**
 * Everything in which an edge can be otherwise than asked, the worst first: what it is to whoever looks (its health), what is said of it,
 * and the way out.
 */
const troubleTable = [
  {
    trouble: "failed",
    health: "failed",
    text: "promoting it failed",
    wayOut: "do what the cause says; the next promotion tries it again",
  },
  {
    trouble: "elsewhere",
    health: "elsewhere",
    text: "the tag stands at another digest",
    wayOut: "tags are never moved: give the image a tag of its own, or ask for the digest that stands there",
  },
  {
    trouble: "corrupt",
    health: "damaged",
    text: "a part of the image is not what its digest says",
    wayOut: "delete the image there and promote it again, if staging still has it",
  },
  {
    trouble: "incomplete",
    health: "damaged",
    text: "a part of the image is not there",
    wayOut: "delete the image there and promote it again, if staging still has it",
  },
  {
    trouble: "unlisted-referrer",
    health: "damaged",
    text: "the list of what hangs on it lacks something",
    wayOut: "attach it again, or delete its tag and promote again: the list is written before the tag is put",
  },
  {
    trouble: "contested",
    health: "contested",
    text: "the manifests ask for the tag at two digests",
    wayOut: "take one of the two lines out of the manifests",
  },
  {
    trouble: "lost",
    health: "missing",
    text: "it is in neither production nor staging",
    wayOut: "push it to staging again, or correct the digest",
  },
  {
    trouble: "refused",
    health: "missing",
    text: "it is not there, and a policy stands against it",
    wayOut: "do what the policy says, or make an exception; the next promotion brings it then",
  },
  {
    trouble: "missing",
    health: "missing",
    text: "it is not there",
    wayOut: "the next promotion brings it, if staging still has it",
  },
  {
    trouble: "unread",
    health: "unread",
    text: "it could not be read",
    wayOut: "do what the cause says; the next look tries it again",
  },
] as const satisfies readonly { trouble: string; health: string; text: string; wayOut: string }[];

/** In what an edge is otherwise than asked: one of {@link troubleTable}. */
export type EdgeTrouble = (typeof troubleTable)[number]["trouble"];

/** What an edge that is not as asked is to whoever looks. */
export type BadHealth = (typeof troubleTable)[number]["health"];

/** `there` is as asked. */
export type EdgeHealth = "there" | BadHealth;

/** The healths that are not as asked, the worst first. */
export const badHealths = [
  "failed",
  "elsewhere",
  "damaged",
  "contested",
  "missing",
  "unread",
] as const satisfies readonly BadHealth[];

/** Troubles that only a look into the images finds: one that asks for tags alone says nothing of them. */
const deepTroubles: ReadonlySet<EdgeTrouble> = new Set(["corrupt", "incomplete", "unlisted-referrer"]);

/** Whether a trouble is found by looking into images alone. */
export function isDeepTrouble(trouble: EdgeTrouble): boolean {
  return deepTroubles.has(trouble);
}

const rows = new Map<EdgeTrouble, (typeof troubleTable)[number]>(
  troubleTable.map((row) => [row.trouble, row]),
);
const ranks = new Map<EdgeTrouble, number>(troubleTable.map(({ trouble }, rank) => [trouble, rank]));

/** What an edge with a trouble is to whoever looks. */
export function healthOf(trouble: EdgeTrouble): BadHealth {
  return rows.get(trouble)?.health ?? "unread";
}

/** What is said of a trouble, and the way out of it. */
export function troubleInWords(trouble: EdgeTrouble): { readonly text: string; readonly wayOut: string } {
  const { text, wayOut } = rows.get(trouble) ??
    troubleTable[troubleTable.length - 1] ?? { text: "", wayOut: "" };
  return { text, wayOut };
}

/** The smaller, the worse. */
export function rankOf(trouble: EdgeTrouble): number {
  return ranks.get(trouble) ?? troubleTable.length;
}

/** Healths as bits, so that rows are found by them. */
export function healthBits(healths: Iterable<BadHealth>): number {
  let bits = 0;
  for (const health of healths) bits |= 1 << badHealths.indexOf(health);
  return bits;
}
