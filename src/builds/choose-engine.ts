import packageJson from "../../package.json" with { type: "json" };
import type { Engine, EngineAbsence, EngineName, LocalEngineName } from "./engine.ts";
import { BuildError } from "./errors.ts";

/** By what a build is done, and why. */
export type EngineChoice =
  | {
      readonly kind: "local";
      readonly name: LocalEngineName;
      readonly reason: string;
      readonly engine: Engine;
    }
  | { readonly kind: "gcb"; readonly name: "gcb"; readonly reason: string }
  | { readonly kind: "plan"; readonly name: "plan"; readonly reason: string };

/** One is loaded at a time: most builds need no second. */
const detectors: Readonly<
  Record<LocalEngineName, (environment: NodeJS.ProcessEnv) => Promise<Engine | EngineAbsence>>
> = {
  docker: async (environment) => (await import("./engines/docker.ts")).detectDocker(environment),
  buildah: async (environment) => (await import("./engines/buildah.ts")).detectBuildah(environment),
  podman: async (environment) => (await import("./engines/podman.ts")).detectPodman(environment),
  scratch: async () => (await import("./engines/scratch/scratch.ts")).scratchEngine(packageJson.version),
};

const asked = "it was asked for";

/**
 * In the order in which they are taken: Docker does what build files expect, Buildah needs the least. What Waybill does itself is asked
 * for: most files need more, and would fail in their midst.
 */
const order: readonly LocalEngineName[] = ["docker", "buildah", "podman"];

/**
 * Finds the program that builds: the one that was asked for, or the first that works here.
 * @throws {BuildError} `engine-missing` with what to do about each.
 */
export async function chooseEngine(
  wanted: EngineName | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<EngineChoice> {
  if (wanted === "gcb") return { kind: "gcb", name: "gcb", reason: asked };
  if (wanted === "plan") return { kind: "plan", name: "plan", reason: asked };
  const absences: [LocalEngineName, EngineAbsence][] = [];
  for (const name of wanted === undefined ? order : [wanted]) {
    const found = await detectors[name](environment);
    if (!("reason" in found)) {
      return { kind: "local", name, reason: reasonFor(name, wanted, absences), engine: found };
    }
    absences.push([name, found]);
  }
  const why = absences.map(([name, { reason }]) => `${name}: ${reason}`).join("; ");
  throw new BuildError("engine-missing", `nothing here can build images (${why})`, {
    hint: `${absences.at(-1)?.[1].hint}; --engine plan shows what would be done`,
  });
}

function reasonFor(
  name: LocalEngineName,
  wanted: EngineName | undefined,
  absences: readonly [LocalEngineName, EngineAbsence][],
): string {
  if (wanted !== undefined) return asked;
  if (absences.length === 0) return `${name} works here`;
  return `${name} works here; ${absences.map(([other, { reason }]) => `${other}: ${reason}`).join("; ")}`;
}
