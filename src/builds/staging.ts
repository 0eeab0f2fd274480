import type { ImageLedger } from "./image-ledger.ts";
import type { BuildDestination, PlannedPush } from "./model.ts";

/** Where the images of a run go, for as long as it takes. */
export interface Staging {
  /** `repository` of a push, with the address of the registry. */
  placeOf(push: Pick<PlannedPush, "repository">): string;
  /** What steps find their images' registry by: `WAYBILL_STAGING`. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Opens the destination of a run. The embedded registry is served from its folder meanwhile, and what anybody pushes to it
 * under a tag stands in the ledger.
 * @param build What a push is said to come from, where the registry alone knows of it.
 * @throws {RegistryServerError} when the folder cannot be used.
 */
export async function openStaging(
  destination: BuildDestination,
  ledger: ImageLedger,
  build: string,
): Promise<Staging> {
  if (destination.kind !== "embedded") {
    const env = destination.kind === "registry" ? { WAYBILL_STAGING: destination.prefix } : {};
    return { placeOf: ({ repository }) => repository, env, close: async () => {} };
  }
  // Builds that push elsewhere do without it.
  const { startRegistryServer } = await import("../registry-server/index.ts");
  let address = "";
  const server = await startRegistryServer({
    dir: destination.folder,
    onPush: ({ repository, tags, digest, mediaType, size }) => {
      const place = `${address}/${repository}`;
      for (const tag of tags) {
        ledger.add({ build, name: place, repository: place, tag, digest, mediaType, size, by: "registry" });
      }
    },
  });
  address = server.address;
  return {
    placeOf: ({ repository }) => `${address}/${repository}`,
    env: { WAYBILL_STAGING: address },
    close: () => server.close(),
  };
}
