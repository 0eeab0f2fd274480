import { isIP } from "node:net";
import { formatPlace } from "../diagnostics/index.ts";
import {
  anything,
  described,
  either,
  type Fields,
  list,
  made,
  mapping,
  type ReadContext,
  record,
  required,
  type Shape,
  text,
  type ValueFault,
} from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { invalidSettings } from "./errors.ts";
import type { CredentialRule, JobsPlace, RetentionSetting, ServeSettings, WrittenSection } from "./model.ts";
import { secretReference, secretSetting } from "./secrets.ts";
import {
  byteSize,
  count,
  filePath,
  nameFault as nameFaultOf,
  readPath,
  textLike,
  textValue,
} from "./values.ts";

/** The shapes of sections that other rooms know. @param path A file, made absolute. */
export type SectionShapes = Readonly<
  Record<"access" | "notifications", (path: Shape<string>) => Shape<unknown>>
>;

/**
 * The section `serve`.
 * @param credentials The shape of lists of credentials.
 * @param shapes By which sections of other rooms are checked; without them {@link readSection} reads them.
 */
export function serve(
  folder: string,
  credentials: Shape<readonly CredentialRule[]>,
  shapes?: SectionShapes,
): Shape<ServeSettings> {
  const file = filePath(folder, "A file.");
  const entry = mapping(
    "serve",
    {
      data: filePath(folder, "Folder of the embedded database, of records, and of mirrors of repositories."),
      database: databaseUrl(),
      databaseFile: filePath(folder, "File that holds the URL of the PostgreSQL server, with its password."),
      databaseFrom: described(
        secretReference,
        "Where else that URL is kept: MANAGER:PATH#FIELD, file:PATH or env:NAME.",
      ),
      objects: objects(folder),
      objectsIdentity: text(identityFault, {
        type: "string",
        description:
          "The identity of AWS that a bucket is written as; the key of the environment without it.",
      }),
      listen: textLike(
        /^(?:\[[0-9a-fA-F:]+\]|[^\s:/]+):[0-9]{1,5}$/,
        { fault: "expected an address and a port", hint: "such as 127.0.0.1:8080 or 0.0.0.0:80" },
        "Address and port that are listened at; 127.0.0.1:8080 by default.",
      ),
      publicUrl: publicUrl(),
      trustedProxies: described(
        list(text(proxyFault)),
        "Addresses or networks of proxies that are believed about where a request comes from; nobody by default.",
      ),
      jobs: described(jobs(folder), "Job files: a folder, or a branch that is trusted."),
      drainSeconds: count(
        0,
        600,
        "Seconds for which a process that stops still answers, so that a balancer sends requests elsewhere; 0 by default, --grace at most.",
      ),
      maxMirrorBytes: byteSize(2 ** 20, 2 ** 50, "Bytes of the mirror of one repository: 10GiB by default."),
      concurrency: count(1, 1000, "Runs that one process carries out at the same time; 4 by default."),
      capacities: described(
        record(count(1, 100_000, "Runs with this label at the same time."), nameFault),
        "How many runs with a label of capacity go on at the same time, by the label.",
      ),
      retention: described(
        list(retention()),
        "How long records are kept: for each job the first rule that names it, or names none.",
      ),
      prowBuckets: described(
        record(bucket(folder), nameFault),
        "Buckets in Prow's layout whose runs are shown as well, by the names that they have on pages.",
      ),
      webhooks: described(
        record(list(secretSetting(folder), { min: 1, what: "a list" }), nameFault),
        "Who may send webhooks: to /webhooks/NAME, signed with one of these secrets.",
      ),
      access: described(written(shapes?.access(file)), "Who may do what: see docs/access.md."),
      notifications: described(
        written(shapes?.notifications(file)),
        "Who is told of what becomes of jobs: see docs/notifications.md.",
      ),
      readingCredentials: described(
        credentials,
        "Credentials of runs that only read: reviews of pull requests, and jobs in their shadow.",
      ),
      buildSecrets: text(identityFault, {
        type: "string",
        description:
          "The identity of Google that secrets of Secret Manager are read as which build files name; without it they are not read.",
      }),
      jobCredentials: described(
        record(credentials, jobFault),
        "Credentials of the runs of a job, by its name: these alone.",
      ),
    },
    { skipsEmpty: true, check: refuseTwoDatabases },
  );
  return described(entry, "How waybill serve works.");
}

function refuseTwoDatabases({ known }: Fields, _: YamlNode, { findings }: ReadContext): void {
  const places = ["database", "databaseFile", "databaseFrom"].flatMap((key) => known.get(key) ?? []);
  const [first, second] = places;
  if (first === undefined || second === undefined) return;
  findings.report("invalid-value", second.key.start, `${first.key.value} says it as well: keep one of them`);
}

/** What stands in sections, and where what is wrong with them is told. */
const sections = new WeakMap<WrittenSection, { readonly node: YamlNode; readonly reading: ReadContext }>();

/** A section that is read when somebody comes who knows what may stand there, and now as well where its shape is given. */
const written = (shape: Shape<unknown> | undefined): Shape<WrittenSection> =>
  made(anything, (node, _, reading): WrittenSection => {
    shape?.read(node, reading);
    const { file } = reading.findings;
    const section = { where: formatPlace({ file, line: reading.findings.placeOf(node.start).line }) };
    sections.set(section, { node, reading });
    return section;
  });

/** What a section says. @throws {SettingsError} `settings-invalid` with everything that is wrong. */
export function readSection<Value>(section: WrittenSection, shape: Shape<Value>): Value {
  const found = sections.get(section);
  if (found === undefined) throw new TypeError(`${section.where} was not read from a file`);
  const { node, reading } = found;
  const { findings } = reading;
  const before = findings.errors;
  const value = shape.read(node, reading);
  if (value !== undefined && findings.errors === before) return value;
  throw invalidSettings(findings.file, findings.diagnostics);
}

function nameFault(name: string): ValueFault | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return undefined;
  return { fault: "a name is letters, digits, dots, dashes and underscores, 64 at most" };
}

const identityFault = nameFaultOf("an identity");

function jobFault(name: string): ValueFault | undefined {
  return /^[A-Za-z0-9._-]+$/.test(name) ? undefined : { fault: "expected the name of a job" };
}

function databaseUrl(): Shape<string> {
  const description = "URL of a PostgreSQL server, in place of the embedded database, without a password.";
  return text(
    (url) => {
      if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) {
        return {
          fault: "expected the URL of a PostgreSQL server",
          hint: "such as postgres://user@host/waybill",
        };
      }
      if (new URL(url).password === "") return undefined;
      return {
        fault: "a password has no place here",
        hint: "keep the URL in a file, and name that: databaseFile",
      };
    },
    { type: "string", pattern: "^postgres(ql)?://", description },
  );
}

function objects(folder: string): Shape<string> {
  return textValue(
    (place) => {
      if (/^s3:\/\/[a-z0-9][a-z0-9.-]+(?:\/.*)?$/.test(place)) return { value: place };
      if (/^[a-z0-9]+:\/\//.test(place)) return { fault: "expected a folder, or s3://BUCKET/PREFIX" };
      return readPath(folder, place);
    },
    {
      type: "string",
      minLength: 1,
      description: "Where records are kept whose runs have ended: a folder, or s3://BUCKET/PREFIX.",
    },
  );
}

function bucket(folder: string): Shape<string> {
  const hint = "such as gs://kubernetes-ci-logs, s3://BUCKET/PREFIX, https://HOST/BUCKET or a folder";
  return textValue(
    (place) => {
      const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/.exec(place) ?? [];
      if (scheme === undefined) return readPath(folder, place);
      const isKnown = ["gs", "s3", "http", "https"].includes(scheme);
      const isPlain = /^[A-Za-z0-9.:_-]+(?:\/[^?#@]*)?$/.test(rest);
      return isKnown && isPlain ? { value: place } : { fault: "expected a bucket or a folder", hint };
    },
    { type: "string", minLength: 1, description: `A bucket that is only read, ${hint}.` },
  );
}

function proxyFault(written: string): ValueFault | undefined {
  const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(written) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (most >= 0 && Number(bits ?? 0) <= most) return undefined;
  return { fault: "expected an address or a network", hint: "such as 127.0.0.1, 10.0.0.0/8 or fd00::/8" };
}

function publicUrl(): Shape<string> {
  return text(
    (url) => {
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      if (parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.origin === url)
        return undefined;
      return {
        fault: "expected a scheme and a host, without a path or a slash at the end",
        hint: "such as https://waybill.example.com",
      };
    },
    {
      type: "string",
      pattern: "^https?://[^/@?#]+$",
      description: "The address that people know it by, for links and logins.",
    },
  );
}

function jobs(folder: string): Shape<JobsPlace> {
  const alone = made(filePath(folder, "Folder of job files."), (path): JobsPlace => ({ folder: path }));
  const branch = mapping("jobs", {
    repo: required(
      text(
        (url) =>
          /^(?:https?|ssh|git|file):\/\/[^\s@]*[^\s]*$/.test(url) || /^[\w.-]+@[\w.-]+:/.test(url)
            ? undefined
            : { fault: "expected the URL of a repository" },
        { type: "string", description: "URL of the repository." },
      ),
    ),
    branch: required(
      text((name) => (/^[^\s~^:?*[\\]+$/.test(name) ? undefined : { fault: "expected a branch" }), {
        type: "string",
        description: "The branch: whoever may merge into it decides what this server does.",
      }),
    ),
    path: text(
      (path) =>
        /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$)).+$/.test(path)
          ? undefined
          : { fault: "expected a folder in the repository, from its top" },
      { type: "string", description: "Folder in the repository; its top when left out." },
    ),
  });
  return either(alone, branch);
}

function retention(): Shape<RetentionSetting> {
  return mapping("a rule", {
    job: text(jobFault, {
      type: "string",
      description: "The job; all that no rule before names, when left out.",
    }),
    maxDays: count(1, 36_500, "Days since they ended."),
    maxRuns: count(1, 1_000_000, "Runs of a job."),
    maxBytes: byteSize(1, 2 ** 50, "Bytes of all runs of a job: 500MB, 10GiB."),
  });
}
