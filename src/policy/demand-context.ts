import type { Digest } from "../oci/index.ts";
import type { EvidenceFile } from "./model.ts";

/** What is the same for all manifests of an image while it is held against one policy. */
export interface DemandContext {
  readonly now: Date;
  /** The image itself, whichever of its platforms is looked at. */
  readonly root: Digest;
  readonly files: readonly EvidenceFile[];
  /** Names of the image below the source that the policy covers: all that manifests have for it there. */
  readonly names: readonly string[];
  /** Vulnerabilities that exceptions let through which are not over. */
  readonly letThrough: readonly string[];
}
