import type { Admitted, WebhookRequest, WebhookSource } from "./authenticate.ts";
import { payloadOf, readJson } from "./body.ts";
import { nothingSaid, type Reader } from "./forge-events.ts";
import { giteaEvents, githubEvents } from "./github-events.ts";
import { gitlabEvents, gitlabKind } from "./gitlab-events.ts";
import { type Delivery, type Recognized, refused, type WebhookRefusal } from "./model.ts";
import { wordOf } from "./recognize.ts";
import { readRegistryEvent } from "./registry-events.ts";

/**
 * Reads a delivery that was verified. Events that mean nothing to us are deliveries as well, which hint at nothing: their
 * sender is to be answered with a success, because some switch off what fails.
 */
export function readDelivery(
  { headers }: WebhookRequest,
  body: Uint8Array,
  { recognized }: Pick<Admitted, "recognized">,
  { name: source }: Pick<WebhookSource, "name">,
): Delivery | WebhookRefusal {
  const json = readJson(payloadOf(headers, body));
  if ("code" in json) return json;
  const { sender, event, id } = recognized;
  if (sender !== "registry") {
    const read = readerFor(recognized, json.value);
    const said = read === undefined ? nothingSaid : read(json.value);
    return said === undefined ? unexpected : { source, sender, id, event, ...said };
  }
  const found = readRegistryEvent(json.value, headers);
  if (found === undefined) return unexpected;
  return {
    ...{ source, sender: found.sender, id: id ?? wordOf(found.id), event: wordOf(found.event) ?? event },
    ...found.said,
  };
}

const unexpected = refused("unexpected-shape", "the delivery is not as its sender documents it");

function readerFor({ sender, event }: Recognized, payload: unknown): Reader | undefined {
  if (sender === "github") return githubEvents.get(event);
  if (sender !== "gitlab") return giteaEvents.get(event);
  const kind = gitlabKind.safeParse(payload);
  return kind.success ? gitlabEvents.get(kind.data.object_kind ?? kind.data.event_name ?? "") : undefined;
}
