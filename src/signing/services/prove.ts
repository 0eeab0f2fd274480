import { envelopeOf } from "../envelope.ts";
import { SigningError } from "../errors.ts";
import type { MadeSignature, SignatureMaker } from "../made-signature.ts";
import type { LogEntry, SignatureProof } from "../proof.ts";
import { type LoggedContent, logSignature, rekorVersions } from "./rekor.ts";
import { type ChosenService, chooseServices, type SigningConfig } from "./signing-config.ts";
import { timestampOf } from "./timestamp.ts";
import type { ServiceWire } from "./wire.ts";

/** A signature with all that proves it. */
export interface ProvenSignature {
  readonly made: MadeSignature;
  readonly proof: SignatureProof;
}

/** What is signed, and for which layout: the older one has room for entries of Rekor's first version alone. */
export interface ToProve {
  readonly layout: "bundle" | "legacy";
  /** What the signature is over. */
  readonly signed: Uint8Array;
  /** Where that is an envelope. */
  readonly statement?: Uint8Array;
}

/** Which services prove a signer's signatures. */
export interface ProofServices {
  readonly maker: SignatureMaker;
  readonly isKeyless: boolean;
  readonly config: SigningConfig;
  /** The file of the configuration, for messages. */
  readonly where: string;
  readonly wire: ServiceWire;
  readonly now: () => Date;
}

/** A certificate of ten minutes is good for three waits of most of them. */
const maxAttempts = 3;

/**
 * Signs, and has logs and timestamp authorities prove it. A signature whose proofs are later than its certificate, because
 * somebody had to be waited for, is made anew with another one.
 * @throws {SigningError}
 */
export async function signAndProve(asked: ToProve, services: ProofServices): Promise<ProvenSignature> {
  const { maker } = services;
  for (let attempt = 1; ; attempt += 1) {
    const made = await maker.sign(asked.signed);
    const { proof, times } = await proofOf(made, asked, services);
    const notAfter = made.certificate?.notAfter;
    if (notAfter === undefined || times.every((time) => time <= notAfter)) return { made, proof };
    maker.drop?.();
    if (attempt === maxAttempts) {
      const message = "the certificate had ended each time before anybody had seen its signature";
      throw new SigningError("signing-unreachable", message, {
        where: services.where,
        hint: "the log or the timestamp authority takes too long: try again later",
      });
    }
  }
}

async function proofOf(made: MadeSignature, asked: ToProve, services: ProofServices) {
  const { wire } = services;
  const { logs, authorities } = chosen(asked.layout, services);
  const { statement, signed: bytes } = asked;
  const content: LoggedContent =
    statement === undefined
      ? { kind: "bytes", bytes }
      : { kind: "envelope", statement, envelope: envelopeOf(statement, made.signature) };
  const [entries, timestamps] = await Promise.all([
    Promise.all(logs.map((log) => logSignature(content, made, log, wire))),
    Promise.all(authorities.map(({ url }) => timestampOf(made.signature, url, wire))),
  ]);
  const proof: SignatureProof = { entries, timestamps: timestamps.map((stamp) => stamp.bytes) };
  return { proof, times: [...entries.flatMap(timeOf), ...timestamps.map(({ time }) => time)] };
}

/** Only a log that promises an entry knows a time. */
function timeOf({ integratedTime, inclusionPromise }: LogEntry): readonly Date[] {
  return inclusionPromise === undefined ? [] : [new Date(Number(integratedTime) * 1000)];
}

function chosen(layout: ToProve["layout"], { config, where, isKeyless, now }: ProofServices) {
  const time = now();
  const logs = chooseServices(config.rekorTlogUrls, config.rekorTlogConfig, {
    ...{ versions: layout === "legacy" ? [1] : rekorVersions, now: time, where },
    what: layout === "legacy" ? "a log for cosign's older layout" : "a log",
  });
  const authorities = chooseServices(config.tsaUrls, config.tsaConfig, {
    ...{ versions: [1], now: time, where, what: "a timestamp authority" },
  });
  const provesTime = authorities.length > 0 || logs.some(isOfFirst);
  if (isKeyless && !provesTime) {
    throw new SigningError("signer-invalid", "nothing in it proves when a signature was made", {
      where,
      hint: "name a timestamp authority under tsaUrls, or a log of Rekor's version 1",
    });
  }
  return { logs, authorities };
}

function isOfFirst({ version }: ChosenService): boolean {
  return version === 1;
}
