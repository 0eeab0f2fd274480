import { imageNameFault, type ResolvedBuild } from "../cloudbuild/index.ts";
import { type DockerCommand, understandDocker } from "./docker-command.ts";
import type { PlannedAction, PlannedPush } from "./model.ts";

/**
 * Decides of each step whether an engine can do it by itself. A step that builds, tags or pushes with `docker` and does
 * nothing else becomes native, so that it needs neither a container nor Docker's socket; every other runs in a container.
 * @param push Where an image goes.
 * @param platforms What native builds are made for that do not say it themselves.
 * @returns `notes` are parts of sentences about what was left out, each with its step's number.
 */
export function actionsOf(
  build: Pick<ResolvedBuild, "steps">,
  push: (image: string) => PlannedPush,
  platforms: readonly string[],
) {
  const notes: string[] = [];
  const actions = build.steps.map((step): PlannedAction => {
    const command = understandDocker(step);
    if ("reason" in command) return { kind: "container", reason: command.reason };
    // Docker takes nothing else for a name; other engines do: `dir:/etc` has them write there.
    const fault = namesIn(command)
      .map(imageNameFault)
      .find((one) => one !== undefined);
    if (fault !== undefined) return { kind: "container", reason: fault };
    if (command.kind === "push") return { kind: "native", pushes: command.images.map(push) };
    if (command.kind === "tag") return { kind: "native", action: command, pushes: [] };
    const { push: isPushed, notes: left, ...action } = command;
    const outside = [action.context, action.dockerfile].find((path) => !isInWorkspace(path));
    if (outside !== undefined) return { kind: "container", reason: `${outside} is outside of /workspace` };
    notes.push(...left.map((note) => `step ${step.index}: ${note}`));
    return {
      kind: "native",
      action: { ...action, platforms: action.platforms.length > 0 ? action.platforms : platforms },
      pushes: isPushed ? action.tags.map(push) : [],
    };
  });
  return { actions, notes };
}

function namesIn(command: DockerCommand): readonly string[] {
  if (command.kind === "build") return command.tags;
  return command.kind === "tag" ? [command.source, command.target] : command.images;
}

function isInWorkspace(path: string): boolean {
  return path === "/workspace" || path.startsWith("/workspace/");
}
