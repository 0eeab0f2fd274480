/** What goes wrong with a request, instead of an answer. */
export type Trouble =
  /** Closes the connection, with nothing done. */
  | { readonly kind: "hang-up" }
  /** Does what it was asked for, and closes the connection before it has said so. */
  | { readonly kind: "hang-up-after" }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    }
  /** Says, as this kind of forge does, that it was asked too often. */
  | { readonly kind: "rate-limit"; readonly seconds: number };

/** Which requests, and how many of them. */
export interface FaultScope {
  /** 1 where it is not said. */
  readonly times?: number;
  readonly method?: string;
  /** Of the path in the URL, with its escapes. */
  readonly path?: RegExp;
}

/** Faults that are still to come. */
export interface Faults {
  add(trouble: Trouble, scope: FaultScope): void;
  next(method: string, path: string): Trouble | undefined;
  clear(): void;
}

export function createFaults(): Faults {
  const coming: { trouble: Trouble; scope: FaultScope; left: number }[] = [];
  return {
    add: (trouble, scope) => void coming.push({ trouble, scope, left: scope.times ?? 1 }),
    clear: () => void coming.splice(0),
    next(method, path) {
      const found = coming.find(
        ({ left, scope }) =>
          left > 0 &&
          (scope.method === undefined || scope.method === method) &&
          (scope.path === undefined || scope.path.test(path)),
      );
      if (found === undefined) return undefined;
      found.left -= 1;
      return found.trouble;
    },
  };
}
