import { harmless } from "../errors/index.ts";
import type { Digest } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { ToldAttachment, ToldReading, ToldTree } from "../trust/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

export interface ReferrersOptions {
  /** Files of public keys, beside those of the settings. */
  readonly key?: readonly string[];
  /** In place of that of the settings. */
  readonly trustedRoot?: string;
}

/**
 * Prints what hangs on an image, and what came of verifying it.
 * @param shown How the repository was named.
 * @returns 2 when something that hangs there is false, or could not be read.
 */
export async function printReferrers(
  session: Session,
  { repository, shown, digest }: { repository: Repository; shown: string; digest: Digest },
  options: ReferrersOptions,
): Promise<ExitCode> {
  const { allOf, readAttachments, readVerifier, toldTree } = await import("../trust/index.ts");
  const { trust = {} } = await session.settings();
  const { key = [], trustedRoot = trust.trustedRoot } = options;
  const keys = [
    ...Object.entries(trust.keys ?? {}).map(([name, file]) => ({ name, file })),
    ...key.map((file) => ({ name: file, file })),
  ];
  const verifier = await readVerifier({ keys, trustedRoot });
  const tree = toldTree(await readAttachments(repository, digest, { verifier }));
  const { statements, unread } = allOf(tree);
  await deliver(session, {
    text: (terminal) => {
      terminal.print(terminal.colors.bold(`${shown}@${digest}`));
      printBranches(terminal, branchesOf(tree, terminal), "");
      terminal.print(summaryOf(statements, unread.length));
      const isUntold = statements.some(({ state }) => state === "unverifiable");
      if (isUntold && keys.length === 0 && trustedRoot === undefined) {
        terminal.note(
          "hint: --key FILE or --trusted-root FILE, or trust in the settings, says whom to believe",
        );
      }
    },
    json: () =>
      asJson({ format: "waybill-referrers/1", repository: shown, ...tree, summary: countsOf(statements) }),
  });
  const isFalse = statements.some(({ state }) => state === "failed");
  return isFalse || unread.length > 0 ? exitCodes.notAsDesired : exitCodes.asDesired;
}

const states = ["verified", "unsigned", "unverifiable", "failed"] as const;

const statesInWords = {
  verified: "verified",
  unsigned: "unsigned",
  unverifiable: "not verifiable here",
  failed: "failed",
} as const satisfies Record<ToldReading["state"], string>;

function countsOf(statements: readonly ToldReading[]): Record<ToldReading["state"], number> {
  const counts = { verified: 0, unsigned: 0, unverifiable: 0, failed: 0 };
  for (const { state } of statements) counts[state] += 1;
  return counts;
}

function summaryOf(statements: readonly ToldReading[], unread: number): string {
  const counts = countsOf(statements);
  const parts = [
    ...states.flatMap((state) => (counts[state] > 0 ? [`${counts[state]} ${statesInWords[state]}`] : [])),
    ...(unread > 0 ? [`${unread} not read`] : []),
  ];
  if (statements.length === 0 && unread === 0) return "nothing that says anything of it hangs there";
  return `${amount(statements.length, "statement")}: ${parts.join(", ")}`;
}

/** A line of the tree, with what is told below it and what hangs there. */
interface Branch {
  readonly line: string;
  readonly details: readonly string[];
  readonly branches: readonly Branch[];
}

function printBranches(terminal: Terminal, branches: readonly Branch[], indent: string): void {
  for (const [at, branch] of branches.entries()) {
    const isLast = at === branches.length - 1;
    terminal.print(`${indent}${isLast ? "└─ " : "├─ "}${branch.line}`);
    const inner = `${indent}${isLast ? "   " : "│  "}`;
    const rest = branch.branches.length > 0 ? `${inner}│  ` : `${inner}   `;
    for (const detail of branch.details) terminal.print(`${rest}${terminal.colors.dim(detail)}`);
    printBranches(terminal, branch.branches, inner);
  }
}

function branchesOf(tree: ToldTree, terminal: Terminal): readonly Branch[] {
  return [
    ...tree.attachments.map((each) => attachmentBranch(each, terminal)),
    ...tree.unread.map((failure) => unreadBranch(failure, terminal)),
    ...tree.platforms.map((platform) => ({
      line: `${terminal.colors.bold(harmless(platform.platform))} ${terminal.colors.dim(platform.digest)}`,
      details: [],
      branches: branchesOf(platform, terminal),
    })),
  ];
}

const waysInWords = {
  referrer: "referrer",
  tag: "tag",
  index: "in the index",
  layer: "a layer of the image",
} as const satisfies Record<ToldAttachment["way"], string>;

function attachmentBranch(attachment: ToldAttachment, terminal: Terminal): Branch {
  const { what, says, way, tag, digest, statements, failure, attachments } = attachment;
  const [first] = statements;
  const only = statements.length === 1 ? first : undefined;
  const name = terminal.colors.bold(harmless(only?.what ?? what));
  const place = `${waysInWords[way]} ${tag ?? digest}`;
  return {
    line: only === undefined ? name : `${name}: ${stateOf(only, terminal)}`,
    details: [
      ...factsOf({ ...says, ...only?.says }),
      only === undefined || only.what === what ? place : `${harmless(what)}, ${place}`,
    ],
    branches: [
      ...(only === undefined ? statements.map((each) => readingBranch(each, terminal)) : []),
      ...(failure === undefined ? [] : [unreadBranch(failure, terminal)]),
      ...attachments.map((each) => attachmentBranch(each, terminal)),
    ],
  };
}

function readingBranch(reading: ToldReading, terminal: Terminal): Branch {
  return {
    line: `${harmless(reading.what)}: ${stateOf(reading, terminal)}`,
    details: factsOf(reading.says),
    branches: [],
  };
}

function unreadBranch(failure: { readonly message: string }, { colors }: Terminal): Branch {
  return { line: `${colors.magenta("not read")}: ${harmless(failure.message)}`, details: [], branches: [] };
}

function stateOf(reading: ToldReading, { colors }: Terminal): string {
  const word = statesInWords[reading.state];
  switch (reading.state) {
    case "verified": {
      const { by, signedAt } = reading;
      const who = by.kind === "key" ? `key ${by.name ?? by.fingerprint}` : `${by.identity} (${by.issuer})`;
      const when = signedAt === undefined ? "" : `, ${signedAt}`;
      return `${colors.green(word)}, by ${harmless(who)}${harmless(when)}`;
    }
    case "unsigned":
      return colors.yellow(word);
    case "unverifiable":
      return `${colors.yellow(word)}: ${harmless(reading.why)}`;
    case "failed":
      return `${colors.red(word)}: ${harmless(reading.why)}`;
  }
}

function factsOf(says: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(says).map(([name, value]) => `${name} ${harmless(value)}`);
}
