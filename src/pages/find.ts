import type { Visit } from "./visit.ts";

/** Where what somebody looks for is: a run by its digits, a job by its name, a pull request by `#7`, else the runs in which it stands. */
export async function placeOf({ api }: Visit, text: string): Promise<string> {
  const word = text.trim();
  if (/^[0-9]{10,20}$/.test(word)) return `/runs/${word}`;
  const pull = /^#([0-9]{1,9})$/.exec(word)?.[1];
  if (pull !== undefined) return `/runs?pull=${pull}`;
  const isName = /^[A-Za-z0-9._-]{1,200}$/.test(word);
  if (isName && (await api.raw(`/jobs/${word}`)).ok) return `/jobs/${word}`;
  if (/^https?:\/\//.test(word)) return `/runs?${new URLSearchParams({ repo: word })}`;
  return `/runs?${new URLSearchParams({ search: word })}`;
}
