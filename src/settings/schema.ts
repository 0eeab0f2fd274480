import { z } from "zod";
import { isHost } from "../oci/index.ts";
import { destinations } from "./destinations.ts";
import { folderPrefix } from "./locate.ts";
import type { ReleaseCut } from "./model.ts";
import { prefixFault } from "./prefix.ts";
import { tagTemplateFault } from "./tag-template.ts";
import { byteSize, count, filePath, flag, rate, readPath, textValue } from "./values.ts";

/** The schema of `waybill.yaml` whose file stands in `folder`: texts go in, settings with absolute paths come out. */
export function settingsSchema(folder: string) {
  return z
    .strictObject({
      hosts: hosts(folder).exactOptional(),
      locations: locations(folder).exactOptional(),
      credentials: credentials(folder).exactOptional(),
      forges: forges().exactOptional(),
      releases: releases().exactOptional(),
      destinations: destinations().exactOptional(),
    })
    .meta({ title: "waybill.yaml", description: "Settings of Waybill that outlive a command line." });
}

/** What an issue of this schema may carry in `params`. */
export const issueParams = z.object({
  hint: z.string().optional(),
  /** The issue is about the key at its path rather than the value. */
  key: z.literal(true).optional(),
});

function hosts(folder: string) {
  return byHost(host(folder)).meta({
    description: "How to talk to a registry, by its host or host:port.",
  });
}

/** Entries by host: a name that is none is told at its key. */
function byHost<Entry extends z.ZodType>(entry: Entry) {
  return z.record(z.string(), entry).superRefine(
    (entries, context) => {
      for (const name of Object.keys(entries)) {
        if (isHost(name)) continue;
        const [message, hint] = hostFault(name);
        context.addIssue({ code: "custom", path: [name], message, params: { hint, key: true } });
      }
    },
    { when: ({ value }) => isMapping(value) },
  );
}

function hostFault(name: string): [message: string, hint: string | undefined] {
  if (isHost(name.toLowerCase())) return ["a registry host is written in lower case", undefined];
  if (name.includes("@")) return ["a user or password has no place in a host", undefined];
  if (name.includes("/")) {
    return ["expected a host without scheme or path", "such as registry.example.com or localhost:5000"];
  }
  return [`${JSON.stringify(name)} is no registry host`, "it needs a dot or a port, or be localhost"];
}

function host(folder: string) {
  const tls = z
    .strictObject({
      ca: filePath(
        folder,
        "PEM file of certificate authorities to trust beside the system's.",
      ).exactOptional(),
      cert: filePath(folder, "PEM file of a client certificate; needs key.").exactOptional(),
      key: filePath(folder, "PEM file of the client certificate's private key; needs cert.").exactOptional(),
      insecure: flag("Accept any certificate. Shown as a warning in every plan.").exactOptional(),
    })
    .superRefine(
      (value, context) => {
        for (const [given, missing] of [
          ["cert", "key"],
          ["key", "cert"],
        ] as const) {
          if (!(given in value) || missing in value) continue;
          context.addIssue({
            code: "custom",
            path: [given],
            message: `${given} needs ${missing} beside it`,
            params: { key: true },
          });
        }
      },
      { when: ({ value }) => isMapping(value) },
    )
    .meta({ description: "How to trust the registry, and how it trusts us." });
  return z
    .strictObject({
      http: flag("Speak plain HTTP. Loopback addresses need no such leave.").exactOptional(),
      tls: tls.exactOptional(),
      concurrency: count(1, 1000, "Requests at the same time, at most.").exactOptional(),
      requestsPerSecond: rate(100_000, "Requests to start in a second.").exactOptional(),
      retries: count(0, 20, "Attempts after the first one.").exactOptional(),
      chunkSize: byteSize(2 ** 16, 2 ** 30, "Upload blobs in chunks of this size.").exactOptional(),
      upload: textValue(
        (text) =>
          text === "whole" || text === "one-patch"
            ? { value: text as "whole" | "one-patch" }
            : { fault: "expected whole or one-patch" },
        {
          type: "string",
          enum: ["whole", "one-patch"],
          description: "Send a blob in the PUT that ends its upload, or in one PATCH before it.",
        },
      ).exactOptional(),
      tokenOrigins: z
        .array(origin("An origin, such as https://auth.example.com."))
        .meta({
          description: "Other origins that may issue tokens for this host, and so see its credentials.",
        })
        .exactOptional(),
      allowPrivateAddresses: flag(
        "Follow this registry's redirects to private and link-local addresses.",
      ).exactOptional(),
    })
    .superRefine(
      (value, context) => {
        if (value.http !== true || value.tls === undefined) return;
        context.addIssue({
          code: "custom",
          path: ["tls"],
          message: "plain HTTP knows no TLS",
          params: { key: true, hint: "remove http: true or tls" },
        });
      },
      { when: ({ value }) => isMapping(value) },
    );
}

function origin(description: string) {
  return textValue(
    (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text) return { value: text };
      return {
        fault: "expected an origin without user, path or trailing slash",
        hint: "such as https://auth.example.com",
      };
    },
    { type: "string", pattern: "^https?://[^/@?#]+$", description },
  );
}

function locations(folder: string) {
  return z
    .array(
      z.strictObject({
        repository: prefix("Repositories with this prefix, by whole path segments, are elsewhere."),
        at: textValue((text) => readPlace(folder, text), {
          type: "string",
          minLength: 1,
          description: "Another prefix, or oci: and a folder: one image layout for each repository below it.",
        }),
      }),
    )
    .superRefine(refuseRepeatedPrefixes, { when: ({ value }) => Array.isArray(value) })
    .meta({ description: "Where repositories really are; the longest prefix decides." });
}

function readPlace(folder: string, text: string) {
  if (text.startsWith(folderPrefix)) {
    const path = readPath(folder, text.slice(folderPrefix.length));
    return "fault" in path ? path : { value: `${folderPrefix}${path.value}` };
  }
  if (/^[./~]/.test(text)) {
    return { fault: `a folder is written with ${folderPrefix} before it`, hint: "such as oci:/mnt/usb" };
  }
  const fault = prefixFault(text);
  return fault === undefined ? { value: text } : { fault };
}

function credentials(folder: string) {
  return z
    .array(
      z
        .strictObject({
          repository: prefix("The host, or the host and a path, that the credential is for."),
          username: name("User name; needs passwordFile or passwordEnv.").exactOptional(),
          passwordFile: filePath(folder, "File that holds the password alone.").exactOptional(),
          passwordEnv: textValue(
            (text) =>
              /^[A-Za-z_][A-Za-z0-9_]*$/.test(text)
                ? { value: text }
                : { fault: "expected the name of an environment variable" },
            {
              type: "string",
              pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
              description: "Environment variable that holds the password.",
            },
          ).exactOptional(),
          helper: textValue(
            (text) =>
              helperName.test(text)
                ? { value: text }
                : {
                    fault: "expected the name of a Docker credential helper",
                    hint: "without docker-credential-, such as ecr-login",
                  },
            {
              type: "string",
              pattern: helperName.source,
              description: "Docker credential helper, without docker-credential-.",
            },
          ).exactOptional(),
          anonymous: textValue(
            (text) =>
              text === "true" ? { value: true } : { fault: "expected true; leave the line out otherwise" },
            { type: "boolean", const: true, description: "Use no credential, whatever other files hold." },
          ).exactOptional(),
        })
        .superRefine(
          (rule, context) => {
            const fault = ruleFault(rule);
            if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
          },
          { when: ({ value }) => isMapping(value) },
        ),
    )
    .superRefine(refuseRepeatedPrefixes, { when: ({ value }) => Array.isArray(value) })
    .meta({
      description: "Where credentials are kept; the longest prefix decides. Secrets never stand here.",
    });
}

const helperName = /^[A-Za-z0-9_.-]+$/;

/** A rule names exactly one way to a credential. */
function ruleFault(rule: object): string | undefined {
  const has = (key: string) => key in rule;
  const ways = [
    has("username") || has("passwordFile") || has("passwordEnv"),
    has("helper"),
    has("anonymous"),
  ];
  if (ways.filter(Boolean).length !== 1) {
    return "expected exactly one of: username with a password, helper, anonymous";
  }
  if (ways[0] !== true) return undefined;
  if (!has("username")) return "a password needs username beside it";
  if (has("passwordFile") === has("passwordEnv")) return "username needs either passwordFile or passwordEnv";
  return undefined;
}

function forges() {
  const forge = z.strictObject({
    kind: textValue(
      (text) =>
        text === "github" || text === "gitlab" || text === "gitea"
          ? { value: text as "github" | "gitlab" | "gitea" }
          : { fault: "expected github, gitlab or gitea" },
      {
        type: "string",
        enum: ["github", "gitlab", "gitea"],
        description: "What the host is; Forgejo is gitea.",
      },
    ).exactOptional(),
    http: flag("Plain HTTP. Loopback addresses need no such leave.").exactOptional(),
  });
  return byHost(forge).meta({
    description: "Forges that are not known by their names, by host or host:port.",
  });
}

function releases() {
  const templates = (cut: string) =>
    z
      .array(
        textValue(
          (text) => {
            const fault = tagTemplateFault(text);
            return fault === undefined ? { value: text } : fault;
          },
          {
            type: "string",
            minLength: 1,
            description: "A tag, with {major}, {minor} and {patch} of the version, or such as {patch+1}.",
          },
        ),
      )
      .meta({ description: `Tags that are promoted with ${cut}.` })
      .exactOptional();
  const words = {
    alpha: "an alpha",
    beta: "a beta",
    "first-rc": "the release candidate 0 of a minor version",
    rc: "any other release candidate",
    stable: "a stable version",
  } as const satisfies Record<ReleaseCut, string>;
  const profile = z.strictObject({
    alpha: templates(words.alpha),
    beta: templates(words.beta),
    "first-rc": templates(words["first-rc"]),
    rc: templates(words.rc),
    stable: templates(words.stable),
    separately: flag("Each tag has a pull request of its own.").exactOptional(),
  });
  return z
    .record(z.string(), profile)
    .superRefine(
      (entries, context) => {
        for (const name of Object.keys(entries)) {
          if (profileName.test(name)) continue;
          context.addIssue({
            code: "custom",
            path: [name],
            message: "a profile is named by lower case letters, digits, dots and dashes, 64 at most",
            params: { key: true },
          });
        }
      },
      { when: ({ value }) => isMapping(value) },
    )
    .meta({ description: "What is promoted together when a version is cut, by the name of the profile." });
}

const profileName = /^[a-z0-9][a-z0-9.-]{0,63}$/;

function name(description: string) {
  return textValue(
    (text) => (/^[^:\p{Cc}]+$/u.test(text) ? { value: text } : { fault: "expected a name without a colon" }),
    { type: "string", pattern: "^[^:]+$", description },
  );
}

function prefix(description: string) {
  return textValue(
    (text) => {
      const fault = prefixFault(text);
      return fault === undefined ? { value: text } : { fault };
    },
    { type: "string", minLength: 1, description },
  );
}

function refuseRepeatedPrefixes(items: readonly unknown[], context: z.RefinementCtx) {
  const seen = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const text = isMapping(item) && "repository" in item ? item.repository : undefined;
    if (typeof text !== "string") continue;
    if (seen.has(text)) {
      context.addIssue({
        code: "custom",
        path: [index, "repository"],
        message: `this prefix has an entry already, number ${(seen.get(text) ?? 0) + 1} of the list`,
      });
    } else seen.set(text, index);
  }
}

function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
