import * as z from "zod/mini";
import { WaybillError } from "../errors/index.ts";
import { type Descriptor, jsonIn, limits } from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";

const textSchema = z.nullish(z.string());
const configSchema = z.object({
  created: textSchema,
  docker_version: textSchema,
  architecture: textSchema,
  variant: textSchema,
  os: textSchema,
  config: z.nullish(
    z.object({ Labels: z.nullish(z.record(z.string(), z.string())), Env: z.nullish(z.array(z.string())) }),
  ),
});

/** What the config of an image says, as far as anybody here asks (OCI image specification, config.md). */
export type ImageConfig = z.infer<typeof configSchema>;

/**
 * The config of an image; artifacts have configs of their own kinds, which say nothing here.
 * @throws {RegistryError} when it cannot be read, {@link WaybillError} `invalid-image-config`.
 */
export async function readConfig(
  repository: Pick<Repository, "name" | "open">,
  blob: Descriptor | undefined,
): Promise<ImageConfig> {
  if (blob === undefined || !/\bcontainer\.image|image\.config/.test(blob.mediaType)) return {};
  const parsed = configSchema.safeParse(
    jsonIn((await readSmallBlob(repository, blob, limits.manifestBytes)).toString()),
  );
  if (parsed.success) return parsed.data;
  throw new WaybillError("invalid-image-config", "the image's config is not what the specification says", {
    where: `${repository.name}@${blob.digest}`,
  });
}
