import * as z from "zod/mini";
import { isTag, type RepositoryName, repositoryFault, type Tag } from "../oci/index.ts";

/** Plain data that nobody changes. */
export type Immutable<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : { readonly [Key in keyof Value]: Immutable<Value[Key]> };

/** A tag in a saved plan. */
export const tagSchema = z.pipe(z.string().check(z.refine(isTag, { error: "is no tag" })), z.custom<Tag>());
/** A repository in a saved plan. */
export const repositorySchema = z.pipe(
  z.string().check(z.refine((text) => repositoryFault(text) === undefined, { error: "is no repository" })),
  z.custom<RepositoryName>(),
);
/** Where something is asked for. */
export const placeSchema = z.object({
  file: z.string(),
  line: z.int().check(z.positive()),
  column: z.int().check(z.positive()),
});
/** What made something unread. */
export const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  where: z.optional(z.string()),
  hint: z.optional(z.string()),
  host: z.optional(z.string()),
  registry: z.optional(z.string()),
  repository: z.optional(z.string()),
  status: z.optional(z.int()),
  requestId: z.optional(z.string()),
  pattern: z.optional(z.string()),
});
/** A policy that stands against something, and what it says. */
export const policySchema = z.object({
  name: z.string(),
  at: placeSchema,
  why: z.string(),
  hint: z.exactOptional(z.string()),
});
