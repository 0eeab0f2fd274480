import type { LineIndex, Place } from "../../diagnostics/index.ts";
import { isNullScalar, type YamlMapping, type YamlNode } from "../../yaml/index.ts";
import { isHarmless, openedKeys, reasonFor } from "./reasons.ts";

/** Why a Prow job cannot be written as one of ours. */
export class NotImportable extends Error {
  override readonly name = "Refusal";
}

/** Something of a Prow job that is not in the job file, or is there in another way. */
export interface ProwRemark extends Place {
  readonly kind: "not-taken" | "changed";
  /** From the job on: `spec.containers[0].resources`. */
  readonly path: string;
  /** The same for all items of a list: `spec.containers[].resources`. */
  readonly general: string;
  readonly message: string;
  /** What is done, with what and when is the same without it. */
  readonly isHarmless: boolean;
}

type ProwPath = Pick<ProwRemark, "path" | "general">;

/**
 * The keys of one job, and what became of each: whoever reads one says so, and all others are told in the end. That
 * nothing is passed over in silence does not depend on who reads.
 */
export class ProwFields {
  readonly node: YamlMapping;
  readonly #file: string;
  readonly #lines: LineIndex;
  readonly #taken = new Set<string>();
  readonly #ignored = new Map<string, { readonly message: string; readonly isHarmless: boolean }>();
  readonly #changed = new Map<string, string>();

  constructor(node: YamlMapping, file: string, lines: LineIndex) {
    this.node = node;
    this.#file = file;
    this.#lines = lines;
  }

  /** What stands at a path of keys and numbers; `undefined` for nothing, and for null. */
  at(...path: readonly (string | number)[]): YamlNode | undefined {
    let node: YamlNode | undefined = this.node;
    for (const step of path) {
      if (typeof step === "number") node = node?.kind === "sequence" ? node.items[step] : undefined;
      else {
        node =
          node?.kind === "mapping" ? node.entries.find(({ key }) => key.value === step)?.value : undefined;
      }
    }
    return node === undefined || isNullScalar(node) ? undefined : node;
  }

  /** The text at a path, which is taken by that; `undefined` where there is none. */
  text(...path: readonly (string | number)[]): string | undefined {
    const node = this.at(...path);
    if (node?.kind !== "scalar") return undefined;
    this.take(...path);
    return node.value;
  }

  /** The texts of a list, which is taken by that; `undefined` when there is no list, or something else is in it. */
  texts(...path: readonly (string | number)[]): readonly string[] | undefined {
    const node = this.at(...path);
    if (node?.kind !== "sequence") return undefined;
    const texts = node.items.flatMap((item) => (item.kind === "scalar" ? [item.value] : []));
    if (texts.length !== node.items.length) return undefined;
    this.take(...path);
    return texts;
  }

  take(...path: readonly (string | number)[]): void {
    this.#taken.add(written(path));
  }

  /** Says why something is not taken, in other words than the usual. */
  ignore(message: string, ...path: readonly (string | number)[]): void {
    this.#taken.delete(written(path));
    this.#ignored.set(written(path), { message, isHarmless: false });
  }

  /** The same of something that makes no difference to what is built. */
  drop(message: string, ...path: readonly (string | number)[]): void {
    this.#taken.delete(written(path));
    this.#ignored.set(written(path), { message, isHarmless: true });
  }

  /** Says what is different about something that is taken. */
  change(message: string, ...path: readonly (string | number)[]): void {
    this.take(...path);
    this.#changed.set(written(path), message);
  }

  get taken(): readonly string[] {
    return [...this.#taken];
  }

  /** What was not taken, or not as it is: in the order of the job. */
  remarks(): readonly ProwRemark[] {
    const remarks: ProwRemark[] = [];
    this.#account(this.node, this.node.start, { path: "", general: "" }, remarks);
    return remarks;
  }

  #account(node: YamlNode, offset: number, place: ProwPath, remarks: ProwRemark[]): void {
    const { path, general } = place;
    const tell = (kind: ProwRemark["kind"], message: string, isHarmless: boolean): void => {
      remarks.push(this.#remark(kind, message, isHarmless, place, offset));
    };
    const changed = this.#changed.get(path);
    if (changed !== undefined) tell("changed", changed, false);
    if (this.#taken.has(path)) return;
    const ignored = this.#ignored.get(path);
    if (ignored !== undefined) tell("not-taken", ignored.message, ignored.isHarmless);
    else if (node.kind === "scalar" || !this.#isOpened(place)) {
      tell("not-taken", reasonFor(general), isHarmless(general));
    } else if (node.kind === "sequence") {
      for (const [index, item] of node.items.entries()) {
        const below = { path: `${path}[${index}]`, general: `${general}[]` };
        this.#account(item, item.start, below, remarks);
      }
    } else {
      const seen = new Set<string>();
      for (const { key, value } of node.entries) {
        const dot = path === "" ? "" : ".";
        const below = { path: `${path}${dot}${key.value}`, general: `${general}${dot}${key.value}` };
        if (seen.has(key.value)) {
          const message = "it stands here a second time, and the first one counts";
          remarks.push(this.#remark("not-taken", message, false, below, key.start));
        } else this.#account(value, key.start, below, remarks);
        seen.add(key.value);
      }
    }
  }

  #remark(
    kind: ProwRemark["kind"],
    message: string,
    isHarmless: boolean,
    place: ProwPath,
    offset: number,
  ): ProwRemark {
    return { kind, file: this.#file, ...this.#lines.at(offset), ...place, message, isHarmless };
  }

  /** Whether something below was read, or is told one by one. */
  #isOpened({ path, general }: ProwPath): boolean {
    if (path === "" || openedKeys.has(general)) return true;
    const isBelow = (known: string): boolean => known.startsWith(`${path}.`) || known.startsWith(`${path}[`);
    return [...this.#taken, ...this.#ignored.keys()].some(isBelow);
  }
}

function written(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join("");
}
