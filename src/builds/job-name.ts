import type { BuildPlan } from "./model.ts";

/** What the job of a build is called when somebody runs it by hand: after what is built, `build-apisnoop-apps-snoopdb`. */
export function jobNameOf({ source, config }: Pick<BuildPlan, "source" | "config">): string {
  const file = source.configPath.startsWith("/") ? config : source.configPath;
  const path = file.replace(/(?:^|\/)cloudbuild\.ya?ml$/, "").replace(/\.ya?ml$/, "");
  const words = ["build", source.name, ...path.split("/")]
    .map((word) => word?.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+|[.-]+$/g, ""))
    .filter((word) => word !== undefined && word !== "");
  return words.join("-").slice(0, 120);
}
