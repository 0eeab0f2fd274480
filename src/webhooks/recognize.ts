import type { ForgeSender, Recognized, WebhookHeaders } from "./model.ts";

/** The headers by which a forge is known, in an order that matters: each of them also sends some of those below it. */
const forges: readonly {
  readonly sender: ForgeSender;
  readonly event: string;
  readonly ids: readonly string[];
}[] = [
  { sender: "forgejo", event: "x-forgejo-event", ids: ["x-forgejo-delivery"] },
  { sender: "gitea", event: "x-gitea-event", ids: ["x-gitea-delivery"] },
  {
    sender: "gitlab",
    event: "x-gitlab-event",
    // The event's own UUID is shared by all that one event sets off, and is no name of a delivery.
    ids: ["webhook-id", "idempotency-key"],
  },
  { sender: "github", event: "x-github-event", ids: ["x-github-delivery"] },
];

const maxWord = 200;

/** Who sends, what, and under which name, as the headers say. Whether it is true, the signature tells. */
export function recognize(headers: WebhookHeaders): Recognized {
  for (const { sender, event, ids } of forges) {
    const named = headers.get(event);
    if (named === null) continue;
    return { sender, event: wordOf(named) ?? "", id: firstOf(headers, ids) };
  }
  const event = wordOf(headers.get("ce-type")) ?? "";
  return { sender: "registry", event, id: firstOf(headers, ["webhook-id", "ce-id"]) };
}

function firstOf(headers: WebhookHeaders, names: readonly string[]): string | undefined {
  return names.map((name) => wordOf(headers.get(name))).find((word) => word !== undefined);
}

/** A name as it may be kept and shown; what is longer than any name is none. */
export function wordOf(text: string | null | undefined): string | undefined {
  const word = text?.trim();
  return word === undefined || word === "" || word.length > maxWord || /[^\x20-\x7e]/.test(word)
    ? undefined
    : word;
}
