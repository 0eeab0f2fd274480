import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load, loadAll } from "js-yaml";
import { describe, expect, it } from "vitest";
import { readJobs } from "../../src/jobs/index.ts";
import { parseSettings } from "../../src/settings/index.ts";
import { run } from "../support/child.ts";
import { hasProgram } from "../support/programs.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("the example of docker compose", () => {
  interface Service {
    readonly secrets?: readonly string[];
    readonly volumes?: readonly string[];
    readonly command?: readonly string[];
  }
  interface Compose {
    /** What the services of Waybill have in common. */
    readonly "x-waybill": Service;
    readonly services: Readonly<Record<string, Service>>;
    readonly secrets: Readonly<Record<string, { readonly file: string }>>;
    readonly volumes: Readonly<Record<string, unknown>>;
  }
  const compose = load(read("examples/compose/compose.yaml")) as Compose;

  it("uses the secrets and volumes that it names, and keeps the files of secrets out of Git", () => {
    const services = [compose["x-waybill"], ...Object.values(compose.services)];
    const secrets = new Set(services.flatMap((service) => service.secrets ?? []));
    expect([...secrets].sort()).toEqual(Object.keys(compose.secrets).sort());
    const volumes = services.flatMap((service) => service.volumes ?? []).map((text) => text.split(":")[0]);
    expect(Object.keys(compose.volumes).every((name) => volumes.includes(name))).toBe(true);
    const ignored = read("examples/compose/.gitignore");
    for (const { file } of Object.values(compose.secrets)) {
      expect(ignored).toContain(`${file.replace("./", "/")}\n`);
    }
  });

  it("has settings and jobs that are right", async () => {
    const path = join(root, "examples/compose/waybill.yaml");
    const { serve } = parseSettings(readFileSync(path, "utf8"), path);
    expect(serve.databaseFile).toBe("/run/secrets/database-url");
    const { jobs, diagnostics } = await readJobs(join(root, "examples/compose/jobs"));
    expect(diagnostics).toEqual([]);
    expect(jobs.map(({ job }) => job.name)).toEqual(["promote-images"]);
  });
});

describe("the Helm chart", () => {
  interface Schema {
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly additionalProperties?: boolean | object;
    readonly type?: string;
  }
  const schema = JSON.parse(read("examples/helm/waybill/values.schema.json")) as Schema;
  const values = load(read("examples/helm/waybill/values.yaml")) as object;

  const compare = (given: object, { properties = {} }: Schema, path: string): string[] =>
    Object.entries(given).flatMap(([key, value]) => {
      const shape = properties[key];
      if (shape === undefined) return [`${path}${key} is not in the schema`];
      const isOpen = shape.properties === undefined;
      return isOpen || typeof value !== "object" ? [] : compare(value, shape, `${path}${key}.`);
    });

  it("knows each of its values, and refuses others", () => {
    expect(compare(values, schema, "")).toEqual([]);
    const missing = Object.keys(schema.properties ?? {}).filter(
      (key) => key !== "global" && !(key in values),
    );
    expect(missing).toEqual([]);
    expect(schema.additionalProperties).toBe(false);
  });

  it("uses no value that it does not have", () => {
    const folder = "examples/helm/waybill/templates";
    const used = readdirSync(join(root, folder))
      .flatMap((name) => [...read(`${folder}/${name}`).matchAll(/\.Values\.(\w+)(?:\.(\w+))?/g)])
      .map(([, first = "", second]) => ({ first, second }));
    for (const { first, second } of used) {
      const shape = schema.properties?.[first];
      expect(shape, first).toBeDefined();
      if (second !== undefined && shape?.properties !== undefined) {
        expect(Object.keys(shape.properties), `${first}.${second}`).toContain(second);
      }
    }
  });
});

describe("the Helm chart, as helm renders it", () => {
  const helm = it.skipIf(!hasProgram("helm"));
  const chart = join(root, "examples/helm/waybill");
  const render = (...values: readonly string[]) =>
    run("helm", [
      "template",
      "w",
      chart,
      "--kube-version",
      "1.33.0",
      ...values.flatMap((one) => ["--set", one]),
    ]);

  helm("is without a fault in all its parts", async () => {
    expect((await run("helm", ["lint", "--strict", chart])).code).toBe(0);
    const { code, stdout } = await render(
      ...[
        "database.existingSecret=db",
        "replicas.worker=3",
        "ingress.enabled=true",
        "ingress.host=a.example",
      ],
      ...["networkPolicy.enabled=true", "podMonitor.enabled=true", "fileSecrets={a}", "runAsUser=null"],
    );
    const kinds = (loadAll(stdout) as { readonly kind: string }[]).map(({ kind }) => kind);
    expect([code, kinds.sort()]).toEqual([
      0,
      [
        ...["Deployment", "Deployment", "Ingress", "NetworkPolicy", "NetworkPolicy"],
        ...["PersistentVolumeClaim", "PodDisruptionBudget", "PodDisruptionBudget", "PodMonitor"],
        ...["Secret", "Service", "ServiceAccount"],
      ],
    ]);
    expect(stdout).not.toContain("runAsUser");
  });

  helm("refuses two processes on one embedded database, and what is misspelt", async () => {
    expect((await render()).code).toBe(0);
    for (const value of ["replicas.worker=2", "replica.worker=2", "publicUrl=a.example"]) {
      expect((await render(value)).code, value).toBe(1);
    }
  });
});

describe("the units of systemd", () => {
  const folder = join(root, "examples/systemd");

  it("give what runs more time than it takes for itself, and do not keep Node from making code", () => {
    const unit = read("examples/systemd/waybill.service");
    const grace = Number(/--grace (\d+)s/.exec(unit)?.[1]);
    expect(Number(/^TimeoutStopSec=(\d+)/m.exec(unit)?.[1])).toBeGreaterThan(grace);
    for (const name of readdirSync(folder)) {
      expect(read(`examples/systemd/${name}`)).not.toMatch(/^MemoryDenyWriteExecute=/m);
    }
  });

  it.skipIf(!hasProgram("systemd-analyze"))("are as systemd has them", async () => {
    const units = readdirSync(folder).map((name) => join(folder, name));
    const verified = await run("systemd-analyze", ["verify", ...units], process.env);
    const said = verified.stderr.split("\n").filter((line) => units.some((unit) => line.startsWith(unit)));
    expect([verified.code, said]).toEqual([0, []]);
  });
});
