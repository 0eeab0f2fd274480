import * as z from "zod/mini";
import { name, nothingSaid, type PayloadContent, text } from "./forge-events.ts";
import type { RegistryHint, RegistrySender, WebhookHeaders } from "./model.ts";

/** What a registry says, and what it calls that. */
export interface RegistrySaid {
  readonly sender: RegistrySender;
  readonly event: string;
  readonly id?: string | undefined;
  readonly said: PayloadContent;
}

/** Reads one form of events; `undefined` where a payload has not that form. */
type Form = (payload: unknown, headers: WebhookHeaders) => RegistrySaid | undefined;

function form<Value>(
  schema: z.ZodMiniType<Value>,
  read: (value: Value, headers: WebhookHeaders) => RegistrySaid | undefined,
): Form {
  return (payload, headers) => {
    const parsed = schema.safeParse(payload);
    return parsed.success ? read(parsed.data, headers) : undefined;
  };
}

/** Reads what a registry sends, which has no header of its own in most cases; `undefined` where it has no form that is known. */
export function readRegistryEvent(payload: unknown, headers: WebhookHeaders): RegistrySaid | undefined {
  for (const read of forms) {
    const found = read(payload, headers);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isDigest = (word: string | null | undefined): boolean =>
  /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(word ?? "");

/** A hint of what a registry says: some write a digest for the tag of what has none, or nothing for what is not known. */
function hint(
  registry: string | null | undefined,
  repository: string,
  tag: string | null | undefined,
  digest: string | null | undefined,
): RegistryHint {
  return {
    registry: registry || undefined,
    repository,
    tag: tag && !isDigest(tag) ? tag : undefined,
    digest: [digest, tag].find(isDigest) ?? undefined,
  };
}

/** An image is told of many times, by its digest and by each of its tags. */
function hinted(hints: readonly RegistryHint[]): PayloadContent {
  return { ...nothingSaid, registry: [...new Map(hints.map((one) => [JSON.stringify(one), one])).values()] };
}

function hostOf(url: string | null | undefined): string | undefined {
  return url && URL.canParse(url) ? new URL(url).host : undefined;
}

const registryEvent = z.object({
  id: text,
  action: z.string(),
  target: z.object({ mediaType: text, digest: text, tag: text, repository: name, url: text }),
  request: z.nullish(z.object({ host: text })),
});

function eventHints({ action, target, request }: z.infer<typeof registryEvent>): readonly RegistryHint[] {
  // Each layer is told of as well, and so is who reads.
  const isBlob = target.mediaType === "application/octet-stream" || /\/blobs\//.test(target.url ?? "");
  if (isBlob || (action !== "push" && action !== "delete")) return [];
  return [hint(hostOf(target.url) ?? request?.host, target.repository, target.tag, target.digest)];
}

/** https://distribution.github.io/distribution/about/notifications/ */
const distribution = form(z.object({ events: z.array(registryEvent) }), ({ events }) => ({
  sender: "distribution",
  event: [...new Set(events.map(({ action }) => action))].sort().join(","),
  id: events.length === 1 ? (events[0]?.id ?? undefined) : undefined,
  said: hinted(events.flatMap(eventHints)),
}));

/** Azure sends one event of the distribution registry by itself: https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference */
const acr = form(registryEvent, (event) => ({
  sender: "acr",
  event: event.action,
  id: event.id ?? undefined,
  said: hinted(eventHints(event)),
}));

const harborData = z.object({
  resources: z.nullish(z.array(z.object({ digest: text, tag: text, resource_url: text }))),
  repository: z.object({ repo_full_name: name }),
});

function harborHints({ resources, repository }: z.infer<typeof harborData>): readonly RegistryHint[] {
  const path = repository.repo_full_name;
  const all = (resources ?? []).map(({ digest, tag, resource_url: image }) => {
    const end = image?.indexOf(`/${path}`) ?? -1;
    return hint(end > 0 ? image?.slice(0, end) : undefined, path, tag, digest);
  });
  return all.length > 0 ? all : [hint(undefined, path, undefined, undefined)];
}

/** Harbor tells of much else, such as scans and quotas; what was pushed or deleted has these data. */
function harborSaid(event: string, data: unknown, id: string | undefined): RegistrySaid | undefined {
  if (!/push|delet/i.test(event)) return { sender: "harbor", event, id, said: nothingSaid };
  const parsed = harborData.safeParse(data);
  if (!parsed.success) return undefined;
  return { sender: "harbor", event, id, said: hinted(harborHints(parsed.data)) };
}

/** https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/ */
const harbor = form(
  z.object({ type: name, occur_at: z.number(), event_data: z.unknown() }),
  ({ type, event_data: data }) => harborSaid(type, data, undefined),
);

const zotData = z.object({ name, reference: text, digest: text });

/** Prefixes of zot's types can be configured: their ends tell. */
function zotSaid(event: string, data: unknown, id: string | undefined): RegistrySaid | undefined {
  if (!/(?:^|\.)image\.(?:updated|deleted)$/.test(event)) {
    return { sender: "zot", event, id, said: nothingSaid };
  }
  const parsed = zotData.safeParse(data);
  if (!parsed.success) return undefined;
  const { name: repository, reference, digest } = parsed.data;
  return { sender: "zot", event, id, said: hinted([hint(undefined, repository, reference, digest)]) };
}

/** An event in the structured form of CloudEvents 1.0. */
const cloudEvent = form(
  z.object({ specversion: name, id: name, type: name, data: z.unknown() }),
  ({ type, id, data }) => (type.startsWith("harbor.") ? harborSaid : zotSaid)(type, data, id),
);

/** An event whose attributes are headers and whose data are the body, as zot sends it. */
const cloudEventInHeaders: Form = (payload, headers) => {
  const type = headers.get("ce-type");
  return type === null ? undefined : zotSaid(type, payload, headers.get("ce-id") ?? undefined);
};

/** https://docs.quay.io/guides/notifications.html; other notifications name no tags. */
const quay = form(
  z.object({ namespace: name, repository: name, docker_url: text, updated_tags: z.nullish(z.array(name)) }),
  ({ repository, docker_url: image, updated_tags: tags }) => {
    if (!tags) return { sender: "quay", event: "", said: nothingSaid };
    const end = image?.indexOf(`/${repository}`) ?? -1;
    const registry = end > 0 ? image?.slice(0, end) : undefined;
    return {
      sender: "quay",
      event: "repo_push",
      said: hinted(tags.map((tag) => hint(registry, repository, tag, undefined))),
    };
  },
);

/** https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html */
const ecr = form(
  z.object({
    id: text,
    "detail-type": name,
    source: z.literal("aws.ecr"),
    account: text,
    region: text,
    detail: z.looseObject({}),
  }),
  ({ id, "detail-type": event, account, region, detail }) => {
    const named = { sender: "ecr", event, id: id ?? undefined } as const;
    if (event !== "ECR Image Action") return { ...named, said: nothingSaid };
    const parsed = ecrDetail.safeParse(detail);
    if (!parsed.success) return undefined;
    const { "repository-name": repository, "image-tag": tag, "image-digest": digest, result } = parsed.data;
    const registry = account && region ? `${account}.dkr.ecr.${region}.amazonaws.com` : undefined;
    const found = result === "SUCCESS" ? [hint(registry, repository, tag, digest)] : [];
    return { ...named, said: hinted(found) };
  },
);
const ecrDetail = z.object({
  result: z.string(),
  "repository-name": name,
  "image-tag": text,
  "image-digest": text,
});

/** A message of the topic `gcr`, pushed: https://cloud.google.com/artifact-registry/docs/configure-notifications */
const artifactRegistry = form(
  z.object({ message: z.object({ data: z.string(), messageId: text }), subscription: name }),
  ({ message }) => {
    const parsed = googleData.safeParse(jsonIn(Buffer.from(message.data, "base64")));
    if (!parsed.success) return undefined;
    const { action, digest, tag } = parsed.data;
    return {
      sender: "artifact-registry",
      event: action,
      id: message.messageId ?? undefined,
      said: hinted([tag, digest].flatMap(imageHint)),
    };
  },
);
const googleData = z.object({ action: name, digest: text, tag: text });

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The hint of an image's name: `host/path:tag` or `host/path@digest`. */
function imageHint(image: string | null | undefined): readonly RegistryHint[] {
  const [, registry, repository, tag, digest] =
    /^([^/\s]+)\/([^\s:@]+)(?::([^\s:@]+))?(?:@(\S+))?$/.exec(image ?? "") ?? [];
  return repository === undefined ? [] : [hint(registry, repository, tag, digest)];
}

/** https://docs.docker.com/docker-hub/repos/manage/webhooks/; its `callback_url` is called by nobody. */
const dockerHub = form(
  z.object({ push_data: z.object({ tag: text }), repository: z.object({ repo_name: name }) }),
  ({ push_data: { tag }, repository }) => ({
    sender: "docker-hub",
    event: "push",
    said: hinted([hint("docker.io", repository.repo_name, tag, undefined)]),
  }),
);

const forms = [
  cloudEventInHeaders,
  distribution,
  cloudEvent,
  harbor,
  ecr,
  artifactRegistry,
  dockerHub,
  quay,
  acr,
];
