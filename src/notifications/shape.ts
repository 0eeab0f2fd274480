import {
  described,
  flag,
  integer,
  list,
  made,
  mapping,
  orEmpty,
  type ReadContext,
  record,
  required,
  type Shape,
  text,
  type ValueFault,
  word,
} from "../schema/index.ts";
import type { SecretSetting } from "../secrets/index.ts";
import { secretReference } from "../settings/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { missingReceivers } from "./deliver.ts";
import { type MailSettings, type NotificationSettings, type Receiver, tellings } from "./model.ts";
import { isAddress } from "./send/mail.ts";

/** What is told where nothing is configured: what jobs say themselves, to nobody. */
export const noNotifications: NotificationSettings = { receivers: [], rules: [] };

/** What may stand below `notifications:` in the settings of a server. @param path A file, made absolute. */
export function notificationsShape(path: Shape<string>): Shape<NotificationSettings> {
  const whole = mapping(
    "notifications",
    {
      receivers: described(
        record(receiver(path), nameFault),
        "Whom something is told, by the name that rules and jobs use.",
      ),
      rules: described(record(rule, nameFault), "Of which jobs whom is told what."),
      mail: described(mail(path), "The server that sends mail."),
    },
    { skipsEmpty: true },
  );
  return orEmpty(
    made(whole, ({ receivers = {}, rules = {}, mail: server }, node, { findings }) => {
      const settings: NotificationSettings = {
        receivers: Object.entries(receivers).map(([name, named]) => named(name)),
        rules: Object.entries(rules).map(([name, entry]) => ({ name, ...entry })),
        mail: server,
      };
      const missing = missingReceivers(settings);
      if (missing.length > 0) {
        findings.report("invalid-value", node.start, `no receiver is called ${missing.join(", ")}`);
        return undefined;
      }
      return settings;
    }),
    noNotifications,
  );
}

function nameFault(name: string): ValueFault | undefined {
  if (/^[a-z0-9][a-z0-9.-]{0,63}$/.test(name)) return undefined;
  return { fault: "a name is lower case letters, digits, dots and dashes, 64 at most" };
}

const variable = text((name) =>
  /^[A-Za-z_]\w*$/.test(name) ? undefined : { fault: "expected the name of an environment variable" },
);
const address = text((written) =>
  isAddress(written) ? undefined : { fault: "expected an address of mail, such as release@example.com" },
);

/** Exactly one of three keys says where a secret is. @param name What the keys begin with. */
function placeOf(
  name: string,
  { file, variable: named, reference }: SecretSetting,
  node: YamlNode,
  { findings }: ReadContext,
): SecretSetting | undefined {
  const places = [file, named, reference].filter((place) => place !== undefined);
  if (places.length === 1) return { file, variable: named, reference };
  const keys = ["File", "Env", "From"].map((end) => `${name}${end}`).join(", ");
  findings.report("invalid-value", node.start, `expected exactly one of: ${keys}`);
  return undefined;
}

const reference = (what: string): Shape<string> =>
  described(secretReference, `Where else ${what} is kept: MANAGER:PATH#FIELD, file:PATH or env:NAME.`);

function receiver(path: Shape<string>): Shape<(name: string) => Receiver> {
  const shape = mapping(
    "a receiver",
    {
      kind: required(
        described(
          word(["webhook", "slack", "teams", "email"]),
          "A signed CloudEvent, a message of Slack's form, a card for a workflow of Teams, or mail.",
        ),
      ),
      urlFile: described(path, "File that holds the address alone: whoever has it can write there."),
      urlEnv: described(variable, "Environment variable that holds the address."),
      urlFrom: reference("the address"),
      secretFrom: reference("the secret of a webhook"),
      secretFiles: described(
        list(path),
        "Files with the secrets that a webhook is signed with; two while one is replaced.",
      ),
      secretEnv: described(
        variable,
        "Environment variable that holds the secret that a webhook is signed with.",
      ),
      to: described(list(address), "Addresses of mail."),
      allowPrivateAddresses: described(flag, "It may be at an address that only this server reaches."),
    },
    {
      advice: (key) =>
        /^(?:url|secret|token)$/i.test(key)
          ? "no secret may stand in this file: name its file with urlFile or secretFiles"
          : undefined,
    },
  );
  return made(shape, (written, node, reading) => {
    const { kind, urlFile, urlEnv, urlFrom, to, allowPrivateAddresses } = written;
    const { secretFiles = [], secretEnv, secretFrom } = written;
    if (kind === "email") {
      if (to !== undefined && to.length > 0) return (name) => ({ name, kind, to });
      reading.findings.report("missing-key", node.start, "to is missing");
      return undefined;
    }
    const url = placeOf("url", { file: urlFile, variable: urlEnv, reference: urlFrom }, node, reading);
    if (url === undefined) return undefined;
    if (kind !== "webhook") return (name) => ({ name, kind, url, allowPrivateAddresses });
    const secrets: readonly SecretSetting[] = [
      ...secretFiles.map((file) => ({ file })),
      ...(secretEnv === undefined ? [] : [{ variable: secretEnv }]),
      ...(secretFrom === undefined ? [] : [{ reference: secretFrom }]),
    ];
    if (secrets.length > 0) return (name) => ({ name, kind, url, secrets, allowPrivateAddresses });
    reading.findings.report(
      "missing-key",
      node.start,
      "secretFiles, secretEnv or secretFrom is missing: webhooks are signed",
    );
    return undefined;
  });
}

const rule = mapping("a rule", {
  jobs: described(list(text()), "Names of jobs, * for any characters; all jobs without it."),
  when: described(list(word(tellings)), "What is told; all but still-failing without it."),
  failures: described(
    integer(1, 100),
    "So many runs have to fail in a row; what the job says without it, or 1.",
  ),
  remindAfterSeconds: described(
    integer(300, 30 * 24 * 3600),
    "Seconds after which it is said again that a job still fails; needs still-failing in when.",
  ),
  to: required(described(list(text()), "Names of receivers.")),
});

function mail(path: Shape<string>): Shape<MailSettings> {
  const shape = mapping("mail", {
    host: required(described(text(), "The mail server.")),
    port: described(integer(1, 65_535), "587 by default, 465 with tls, 25 with none."),
    security: described(
      word(["tls", "starttls", "none"]),
      "Encrypted from the beginning, by STARTTLS or not at all, or not: for a server on this machine. starttls by default.",
    ),
    from: required(described(address, "Who it is from.")),
    user: described(text(), "Whom it logs in as."),
    passwordFile: described(path, "File that holds the password alone."),
    passwordEnv: described(variable, "Environment variable that holds the password."),
    passwordFrom: reference("the password"),
  });
  return made(shape, (written, node, reading) => {
    const { port, security = "starttls", passwordFile, passwordEnv, passwordFrom, ...rest } = written;
    const place = { file: passwordFile, variable: passwordEnv, reference: passwordFrom };
    const hasPassword = Object.values(place).some((each) => each !== undefined);
    const password = hasPassword ? placeOf("password", place, node, reading) : undefined;
    if (hasPassword && password === undefined) return undefined;
    const usual = { tls: 465, starttls: 587, none: 25 };
    return { ...rest, security, port: port ?? usual[security], password };
  });
}
