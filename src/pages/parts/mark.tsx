import { State } from "./state.tsx";

/** Whether something is as it should be: by the signs of runs, so that there is one language of signs. */
export type MarkOf = "fine" | "bad" | "uncertain" | "idle";

const states = { fine: "success", bad: "failure", uncertain: "waiting", idle: "aborted" } as const;

/** How something is, as a sign and a word. */
export function Mark({ of, word }: { readonly of: MarkOf; readonly word: string }) {
  return <State of={states[of]} word={word} />;
}
