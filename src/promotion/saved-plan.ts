import * as z from "zod/mini";
import { selectionInWords } from "../edges/index.ts";
import { type Cause, WaybillError } from "../errors/index.ts";
import { digestSchema, english } from "../oci/index.ts";
import { allKinds, type SectionKinds } from "./kinds.ts";
import { createSeal, limitsIn, type Plan, planFormat, type Seal, type Section, sealPlan } from "./plan.ts";
import { type PlanItem, PlanScanner } from "./plan-text.ts";
import type { SectionKind } from "./section.ts";

/** Why a saved plan is not applied. */
export type SavedPlanErrorCode = "plan-unreadable" | "plan-altered" | "plan-outdated";

/** A saved plan that must not be applied as it is. */
export class SavedPlanError extends WaybillError<SavedPlanErrorCode> {
  override readonly name = "SavedPlanError";
}

const count = z.int().check(z.nonnegative());
/** Whoever edits them gets other edges, and another hash of them. */
const patterns = z.array(z.string().check(z.maxLength(10_000))).check(z.maxLength(10_000));

/** All of a plan but the items of its sections. */
const envelopeSchema = z.object({
  format: z.literal(planFormat),
  hash: digestSchema,
  edgesHash: digestSchema,
  since: z.exactOptional(
    z.object({
      commit: z.string().check(z.regex(/^[0-9a-f]{40,64}$/)),
      unchanged: count,
      removed: count,
      unreadable: z.array(z.string()),
    }),
  ),
  selection: z.exactOptional(
    z.object({ projects: patterns, images: patterns, tags: patterns, to: patterns, others: count }),
  ),
  createdAt: z.iso.datetime(),
  sections: z.array(z.object({ kind: z.string(), present: count })),
});

/**
 * The plan as the text of one JSON document, in parts of one item each, anew each time it is asked for: as a whole, that of a large plan is too much for one
 * string. An item is a line, so that large plans stay readable and differences between two of them local.
 * @param causes What its problems come from, for those who read the text; they are no part of the plan.
 */
export function formatPlan(plan: Plan, causes?: readonly Cause[]): Iterable<string> {
  return { [Symbol.iterator]: () => partsOf(plan, causes) };
}

function* partsOf({ sections, ...rest }: Plan, causes: readonly Cause[] | undefined): Generator<string> {
  const head = causes === undefined ? rest : { ...rest, causes };
  yield `${JSON.stringify(head, undefined, 2).replace(/\n\}$/, "")},\n  "sections": [`;
  for (const [index, { kind, present, items }] of sections.entries()) {
    yield `${index === 0 ? "" : ","}\n    {\n      "kind": ${JSON.stringify(kind)},\n      "present": ${present},\n      "items": [`;
    for (const [at, item] of items.entries()) yield `${at === 0 ? "" : ","}\n        ${JSON.stringify(item)}`;
    yield items.length === 0 ? "]\n    }" : "\n      ]\n    }";
  }
  yield sections.length === 0 ? "]\n}\n" : "\n  ]\n}\n";
}

/** The text of a plan, or its bytes, as it comes. */
export type PlanText = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/**
 * Reads a plan that {@link formatPlan} wrote, item by item: its text is never in memory as a whole.
 * @param where What an error says that it was read from.
 * @throws {SavedPlanError} `plan-unreadable` for text that is no plan, `plan-altered` when its hash does not fit it.
 */
export async function readPlan(text: PlanText, where: string, kinds = allKinds): Promise<Plan> {
  const reader = new PlanReader(where, kinds);
  const decoder = new TextDecoder();
  for await (const part of text) {
    reader.take(typeof part === "string" ? part : decoder.decode(part, { stream: true }));
  }
  reader.take(decoder.decode());
  return reader.close();
}

class PlanReader {
  readonly #where: string;
  readonly #kinds: SectionKinds;
  readonly #scanner = new PlanScanner();
  readonly #seal: Seal;
  /** By section. */
  readonly #items: object[][] = [];

  constructor(where: string, kinds: SectionKinds) {
    this.#where = where;
    this.#kinds = kinds;
    this.#seal = createSeal(kinds);
  }

  take(text: string): void {
    this.#asJson(() => {
      for (const part of this.#scanner.take(text)) {
        if ("item" in part) this.#addItem(part);
        else if (part.format !== planFormat) throw this.#otherFormat(part.format);
      }
    });
  }

  close(): Plan {
    const envelope = this.#asJson(() => this.#parse(envelopeSchema, this.#scanner.envelope));
    const { format, hash, edgesHash, createdAt } = envelope;
    const sections = envelope.sections.map(({ kind, present }, index): Section => {
      this.#seal.count(this.#kindOf(kind, index).kind, present);
      return { kind, present, items: this.#items[index] ?? [] };
    });
    const sealed = this.#seal.close(edgesHash);
    if (sealed.hash !== hash) {
      throw new SavedPlanError(
        "plan-altered",
        "the saved plan was changed after it was made: its hash does not fit",
        { where: this.#where, hint: "make the plan again; plans are not meant to be edited" },
      );
    }
    return { format, ...sealed, ...limitsIn(envelope), createdAt, sections };
  }

  #addItem({ item: text, section, kind: name }: PlanItem): void {
    const kind = this.#kindOf(name, section);
    const items = this.#items[section] ?? [];
    this.#items[section] = items;
    const item = this.#parse(kind.schema, text, [`sections.${section}.items.${items.length}`]);
    items.push(item);
    this.#seal.add(kind.kind, item);
  }

  #kindOf(name: string | undefined, section: number): SectionKind {
    if (name !== undefined && this.#kinds.has(name)) return this.#kinds.of(name);
    const why =
      name === undefined
        ? "does not stand before its items"
        : `${JSON.stringify(name)} is nothing that is promoted`;
    throw this.#unreadable(`not a saved plan: sections.${section}.kind: ${why}`);
  }

  #parse<Value>(schema: z.ZodMiniType<Value>, text: string, path: readonly string[] = []): Value {
    const parsed = schema.safeParse(JSON.parse(text), english);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw this.#unreadable(
      `not a saved plan: ${[...path, ...(issue?.path ?? [])].join(".")}: ${issue?.message}`,
    );
  }

  #asJson<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (cause) {
      if (cause instanceof SyntaxError) throw this.#unreadable("the saved plan is not JSON", cause);
      if (cause instanceof RangeError) throw this.#unreadable(`not a saved plan: ${cause.message}`, cause);
      throw cause;
    }
  }

  #unreadable(message: string, cause?: unknown): SavedPlanError {
    const hint = "save one with: waybill plan TREE --out FILE";
    return new SavedPlanError("plan-unreadable", message, { where: this.#where, hint, cause });
  }

  #otherFormat(format: string): SavedPlanError {
    const message = `not a saved plan: format: it is ${JSON.stringify(format)}, and only ${planFormat} is read`;
    const hint =
      "another version of Waybill saved it: make the plan again, with: waybill plan TREE --out FILE";
    return new SavedPlanError("plan-unreadable", message, { where: this.#where, hint });
  }
}

/**
 * The current plan, cut down to what the saved one holds: an edge that could be done now but was not to be done then
 * is withheld. What has been done since stays as it is; what has become a conflict stays one.
 * @throws {SavedPlanError} `plan-outdated` when the edges are not those of the saved plan: the manifests have changed, or
 * the two were not limited alike.
 */
export function restrictPlan(current: Plan, saved: Plan, where: string, kinds = allKinds): Plan {
  if (current.edgesHash !== saved.edgesHash) throw outdated(current, saved, where);
  const sections = current.sections.map(({ kind, present, items }): Section => {
    const held = saved.sections.flatMap((section) => (section.kind === kind ? section.items : []));
    return { kind, present, items: kinds.of(kind).withhold(items, held) };
  });
  const sealed = sealPlan(kinds, sections, current.edgesHash, current);
  return { ...sealed, createdAt: current.createdAt };
}

function outdated(current: Plan, saved: Plan, where: string): SavedPlanError {
  const hashes = `${saved.edgesHash} then, ${current.edgesHash} now`;
  const [then, now] = [optionsOf(saved), optionsOf(current)];
  if (then.join(" ") === now.join(" ")) {
    const message = `the manifests' edges have changed since the plan was saved (${hashes})`;
    const hint = "review the change, then make and save the plan again";
    return new SavedPlanError("plan-outdated", message, { where, hint });
  }
  return new SavedPlanError(
    "plan-outdated",
    `the saved plan is ${edgesInWords(saved)}, and this is one ${edgesInWords(current)}, which are other edges (${hashes})`,
    {
      where,
      hint:
        then.length === 0
          ? `leave out ${[...(current.since === undefined ? [] : ["--base and --changed"]), ...selectionOf(current)].join(" and ")}, as when it was made`
          : `say ${then.join(" ")}, as when it was made`,
    },
  );
}

function optionsOf(plan: Plan): string[] {
  return [...(plan.since === undefined ? [] : [`--base ${plan.since.commit}`]), ...selectionOf(plan)];
}

function selectionOf({ selection }: Pick<Plan, "selection">): string[] {
  return selection === undefined ? [] : [selectionInWords(selection)];
}

function edgesInWords({ since, selection }: Plan): string {
  const changed = since === undefined ? "all edges" : `what changed since ${since.commit}`;
  return `of ${changed}${selection === undefined ? "" : ` with ${selectionInWords(selection)}`}`;
}
