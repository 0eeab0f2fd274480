import type { Visit } from "../../visit.ts";

/** Milliseconds that a page waits for what a registry has to say. */
const patience = 1_500;

/**
 * What is answered soon; `undefined` when it takes longer. It goes on meanwhile, and is there the next time. Who asks for one list in
 * place of a page waits until it is there.
 */
export async function soon<Answer>(
  { format }: Pick<Visit, "format">,
  asked: Promise<Answer>,
): Promise<Answer | undefined> {
  if (format !== undefined) return asked;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patience);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
    // Who waits no more is not told what went wrong.
    asked.catch(() => undefined);
  }
}
