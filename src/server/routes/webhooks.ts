import { type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  type Admitted,
  authenticate,
  type Delivery,
  readDelivery,
  type WebhookRefusal,
  type WebhookSource,
} from "../../webhooks/index.ts";
import { readBody } from "../body.ts";
import { type Asking, addressOf, type Env, timeOf } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { Places } from "../places.ts";
import { answerFailure, answerProblem } from "../problems.ts";

/** Bodies that are read at a time for one source from one address, and how many wait for that. */
const places = 16;
const mostWaiting = 500;
/** Deliveries that are kept at a time, of one source and address: those that come together are written together. */
const keptPlaces = 100;
/** Of what is larger, two at a time for a source: it stands in memory. */
const largeBytes = 1024 * 1024;
/** Milliseconds for a body: senders give up after ten seconds. */
const bodyWithin = 10_000;

/**
 * Takes what forges and registries send: judged by its headers, then by its body as it came, and kept before it is answered. All that
 * verifies is answered with success, or its sender would switch the hook off; what it means is found out later.
 */
export function addWebhooks(app: OpenAPIHono<Env>, parts: ServerParts): void {
  const { sources, accept } = parts.webhooks;
  const { metrics } = parts;
  const byName = new Map(sources.map((source) => [source.name, source]));
  const small = new Places(places, mostWaiting);
  const kept = new Places(keptPlaces, mostWaiting);
  const large = new Places(2, mostWaiting);

  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/webhooks/{source}",
    tags: ["webhooks"],
    summary: "A delivery of a forge or a registry",
    description:
      "Signed by the secret of the source, as the sender does it. A sender that can send no header has the secret behind another slash.",
    security: [],
    request: { params: z.object({ source: z.string() }) },
    responses: {
      202: { description: "It is kept, and looked at soon." },
      400: { description: "It cannot be read." },
      401: { description: "It is not signed with a secret that is configured." },
      404: { description: "There is no such source." },
      413: { description: "It is too large." },
    },
  });

  const receive = async (c: Asking): Promise<Response> => {
    const source = byName.get(c.req.param("source") ?? "");
    if (source === undefined) {
      return answerFailure(c, { code: "not-found", title: "no source of deliveries has that name" });
    }
    const { headers } = c.req.raw;
    const addressToken = c.req.param("token");
    const admitted = authenticate({ headers, addressToken }, source, timeOf(parts).getTime());
    if ("code" in admitted) return refuse(c, admitted);
    const sender = `${source.name} ${addressOf(c)}`;
    const announced = Number(headers.get("content-length") ?? Number.POSITIVE_INFINITY);
    const release = await (announced > largeBytes ? large.take(source.name) : small.take(sender));
    if (release === undefined) return refuseMany(c);
    const delivery = await readAdmitted(c, admitted, source).finally(release);
    if (delivery instanceof Response) return delivery;
    const keep = await kept.take(sender);
    if (keep === undefined) return refuseMany(c);
    await accept(delivery).finally(keep);
    metrics?.delivered(source.name, delivery.event, "accepted");
    return c.body(null, 202);
  };
  const counted = async (c: Asking): Promise<Response> => {
    const name = byName.get(c.req.param("source") ?? "")?.name ?? "unknown";
    try {
      const response = await receive(c);
      if (response.status !== 202) metrics?.delivered(name, "unknown", "refused");
      return response;
    } catch (error) {
      metrics?.delivered(name, "unknown", "failed");
      throw error;
    }
  };
  app.post("/webhooks/:source", counted);
  app.post("/webhooks/:source/:token", counted);
}

/** @returns An answer when it is none that is to be kept. */
async function readAdmitted(
  c: Asking,
  admitted: Admitted,
  source: WebhookSource,
): Promise<Delivery | Response> {
  const { headers } = c.req.raw;
  const body = await readBody(c.req.raw, admitted.maxBytes, bodyWithin);
  if (typeof body === "string") return answerFailure(c, { code: body, title: sayings[body] });
  const wrong = admitted.verify(body);
  if (wrong !== undefined) return refuse(c, wrong);
  const delivery = readDelivery({ headers }, body, admitted, source);
  return "code" in delivery ? refuse(c, delivery) : delivery;
}

function refuseMany(c: Asking): Response {
  const title = "too many deliveries of this source are under way";
  return answerFailure(c, { code: "too-many", title });
}

const sayings = {
  "too-large": "the delivery is too large",
  "too-slow": "the delivery did not come in time",
} as const;

function refuse(c: Asking, { code, status, message }: WebhookRefusal): Response {
  const instance = `urn:waybill:request:${c.get("requestId")}`;
  return answerProblem(c, { type: `urn:waybill:problem:${code}`, title: message, status, code, instance });
}
