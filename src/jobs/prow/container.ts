import type { GoogleOptions } from "../../builds/index.ts";
import { readImageBuilderLine } from "../image-builder.ts";
import type { Job } from "../model.ts";
import { pathFault, variableFault } from "../shape.ts";
import { isVariableOfProw } from "../variables.ts";
import type { JobBuild } from "../work.ts";
import { NotImportable, type ProwFields } from "./fields.ts";
import { isPromoter, type PromoterJob, type ProwWord, workOfPromoter } from "./promoter.ts";

const container = ["spec", "containers", 0] as const;

/** Variables that image-builder itself looks at, or its wrapper. */
const wrapperVariables: ReadonlyMap<string, string> = new Map([
  ["LOG_TO_STDOUT", "the log is always in the record of the run, and shown"],
  ["GOOGLE_APPLICATION_CREDENTIALS", "a run has the credentials of who starts it"],
]);

/** What is known of a job before its container is read. */
export type ProwCheckout = Pick<PromoterJob, "kind" | "repo" | "alias">;

/**
 * What the one container of a job does: image-builder builds, the promoter promotes.
 * @throws {NotImportable} when it is another kind of job, or its program would refuse it.
 */
export function readContainer(fields: ProwFields, checkout: ProwCheckout): Pick<Job, "work" | "env"> {
  const containers = fields.at("spec", "containers");
  if (containers?.kind !== "sequence")
    throw new NotImportable("it has no containers, so it runs neither image-builder nor the promoter");
  if (containers.items.length !== 1) {
    throw new NotImportable(
      `it has ${containers.items.length} containers; a job that pushes or promotes images has one`,
    );
  }
  if (fields.at("spec", "initContainers") !== undefined) {
    throw new NotImportable("it has initContainers, and what they do is not known");
  }
  const image = fields.text(...container, "image");
  if (image !== undefined && isPromoter(image)) return readPromoter(fields, image, checkout);
  if (image === undefined || !/(?:^|\/)image-builder(?:[:@]|$)/.test(image)) {
    throw new NotImportable(
      `it runs neither image-builder nor the promoter: its image is ${image?.slice(0, 200) ?? "not named"}`,
    );
  }
  const kind = checkout.kind === "periodic" ? checkout.kind : "any";
  const command =
    fields.at(...container, "command") === undefined ? [] : fields.texts(...container, "command");
  if (command === undefined || !/^(?:|\/run\.sh|\/builder)$/.test(command.join(" "))) {
    throw new NotImportable(
      `it does not run image-builder but ${JSON.stringify(command ?? "something else")}`,
    );
  }
  const { env, secrets } = readVariables(fields, kind);
  const build = readArguments(fields, env, kind);
  for (const [name, index] of secrets) {
    const isPassed = build.env?.includes(name) ?? false;
    const message = `the value of ${name} is kept in the cluster, and a substitution is no place for a secret`;
    fields.ignore(isPassed ? `${message}: $_${name} is empty` : message, ...container, "env", index);
  }
  return { work: { kind: "build", build }, env: env.size === 0 ? undefined : Object.fromEntries(env) };
}

function readPromoter(fields: ProwFields, image: string, checkout: ProwCheckout): Pick<Job, "work"> {
  const kind = checkout.kind === "periodic" ? checkout.kind : "any";
  const { env } = readVariables(fields, kind);
  const listed = fields.at(...container, "env");
  const why =
    "a promotion has no environment: its credentials, and how many processors it uses, are the server's";
  for (const index of listed?.kind === "sequence" ? listed.items.keys() : [])
    fields.drop(why, ...container, "env", index);
  const words = (["command", "args"] as const).flatMap((key) => {
    const node = fields.at(...container, key);
    return (node?.kind === "sequence" ? node.items : []).map((item, index): ProwWord => {
      const text = item.kind === "scalar" ? item.value : "";
      return { word: expanded(text, env, kind), path: [...container, key, index] };
    });
  });
  return { work: workOfPromoter(fields, image, { ...checkout, words }) };
}

interface Variables {
  readonly env: ReadonlyMap<string, string>;
  /** Where in the list those are whose values are kept in the cluster, by their names. */
  readonly secrets: ReadonlyMap<string, number>;
}

function readVariables(fields: ProwFields, kind: "any" | "periodic"): Variables {
  const variables = new Map<string, string>();
  const secrets = new Map<string, number>();
  const node = fields.at(...container, "env");
  for (const index of node?.kind === "sequence" ? node.items.keys() : []) {
    const path = [...container, "env", index] as const;
    const name = fields.at(...path, "name");
    const value = fields.at(...path, "value");
    if (name?.kind !== "scalar" || variableFault(name.value) !== undefined) {
      fields.ignore("it names no variable", ...path);
    } else if (fields.at(...path, "valueFrom") !== undefined) {
      secrets.set(name.value, index);
    } else if (wrapperVariables.has(name.value)) {
      fields.drop(wrapperVariables.get(name.value) ?? "", ...path);
    } else if (isVariableOfProw(name.value, kind)) {
      fields.drop(`the run itself says what ${name.value} is`, ...path);
    } else {
      variables.set(name.value, value?.kind === "scalar" ? expanded(value.value, variables, kind) : "");
      fields.take(...path, "name");
      fields.take(...path, "value");
    }
  }
  return { env: variables, secrets };
}

/** References to variables, as Kubernetes resolves them in what a container is given. */
function expanded(text: string, variables: ReadonlyMap<string, string>, kind: "any" | "periodic"): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (reference, name: string | undefined) => {
    if (name === undefined) return "$";
    if (isVariableOfProw(name, kind))
      throw new NotImportable(`it uses ${reference}, which is known only in a run`);
    return variables.get(name) ?? reference;
  });
}

function readArguments(
  fields: ProwFields,
  env: ReadonlyMap<string, string>,
  kind: "any" | "periodic",
): JobBuild {
  const args = fields.at(...container, "args");
  const words =
    args?.kind === "sequence" ? args.items.map((item) => (item.kind === "scalar" ? item.value : "")) : [];
  const line = readImageBuilderLine(words.map((word) => expanded(word, env, kind)));
  if ("refused" in line) throw new NotImportable(line.refused);
  for (const index of line.taken.keys()) fields.take(...container, "args", index);
  // What it does with its arguments is known: those do nothing here, or nothing in Prow either.
  for (const [index, reason] of line.ignored) fields.drop(reason, ...container, "args", index);
  const text = (key: string): string | undefined => {
    const value = line.values.get(key);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const isSet = (key: string): true | undefined => line.values.get(key) === true || undefined;
  const dir = pathOf(line.configDir.value, "the config directory");
  const buildDir = text("buildDir");
  const names = (text("env") ?? "").split(",").map((name) => name.trim());
  const passed = [...new Set(names.filter((name) => name !== ""))];
  const polling = text("pollingSeconds");
  if (polling !== undefined && !/^[1-9][0-9]{0,5}$/.test(polling)) {
    throw new NotImportable(
      `--polling-interval is ${JSON.stringify(polling.slice(0, 80))}, which is no number of seconds`,
    );
  }
  const google: GoogleOptions = {
    region: text("region"),
    scratchBucket: text("scratchBucket"),
    machineType: text("machineType"),
    workerPool: text("workerPool"),
    serviceAccount: text("serviceAccount"),
    pollingSeconds: polling === undefined ? undefined : Number(polling),
    suppressLogs: isSet("suppressLogs"),
  };
  return {
    dir,
    config: text("config"),
    buildDir: buildDir && pathOf(buildDir, "the build directory"),
    project: text("project"),
    env: passed.length === 0 ? undefined : passed,
    variant: text("variant"),
    versionTagFilter: text("versionTagFilter"),
    withGitDir: isSet("withGitDir"),
    allowDirty: isSet("allowDirty"),
    noSource: isSet("noSource"),
    google: Object.values(google).every((value) => value === undefined) ? undefined : google,
  };
}

function pathOf(text: string, what: string): string {
  const path = text.length > 1 ? text.replace(/\/+$/, "") : text;
  const fault = pathFault(path);
  if (fault !== undefined)
    throw new NotImportable(`${what} is ${JSON.stringify(text.slice(0, 200))}: ${fault}`);
  return path;
}
