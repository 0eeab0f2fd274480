import type { Forge } from "./forge.ts";

/** Who is a member of what, as forges say it now: asked for at most once in some minutes. */
export interface Members {
  /** The same forge, of which members are remembered. */
  of<Asked extends Pick<Forge, "host" | "isMember">>(forge: Asked): Asked;
}

/** Milliseconds for which an answer is believed: whoever has left has no rights any more soon after. */
const believedFor = 2 * 60_000;
const maxAnswers = 10_000;

/** Opens a memory of members. What the forge does not tell, and what it failed to, is not remembered. @param now Milliseconds. */
export function openMembers(now: () => number = Date.now): Members {
  const answers = new Map<string, { readonly asked: Promise<boolean | undefined>; readonly until: number }>();
  return {
    of: (forge) => ({
      ...forge,
      isMember(user, group) {
        const key = JSON.stringify([forge.host, user.toLowerCase(), group.toLowerCase()]);
        const known = answers.get(key);
        if (known !== undefined && known.until > now()) return known.asked;
        const forget = (): void => {
          if (answers.get(key)?.asked === asked) answers.delete(key);
        };
        const asked = forge.isMember(user, group).then(
          (is) => {
            if (is === undefined) forget();
            return is;
          },
          (error: unknown) => {
            forget();
            throw error;
          },
        );
        answers.delete(key);
        answers.set(key, { asked, until: now() + believedFor });
        // The oldest goes first.
        for (const old of answers.keys()) if (answers.size > maxAnswers) answers.delete(old);
        return asked;
      },
    }),
  };
}
