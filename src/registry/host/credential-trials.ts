import type { Credential } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";

/** One request that shows a credential, and how to tell what became of it. */
export interface Showing<Result> {
  /** What it is shown for: one repository, or the scopes of a token. */
  readonly purpose: string;
  readonly run: () => Promise<Result>;
  /** The failure that a result means, when it is that the credential was refused for this purpose. */
  readonly refusalIn: (result: Result) => RegistryError | undefined;
  /** Shows it once for no purpose but to be known: whether it is refused, or `undefined` when that is not said. */
  readonly isRefusedAnyway: () => Promise<boolean | undefined>;
}

interface Trial {
  isGood: boolean;
  /** Resolves when the request that is out there with it is over. */
  underWay: Promise<unknown> | undefined;
  readonly refusedFor: Set<string>;
  isRefusedAnyway: boolean | undefined;
  refusal: RegistryError | undefined;
  /** By the clock; before, nobody shows it again. */
  notBefore: number;
}

/** Purposes that a credential is refused for before it is shown to nobody any more. */
const mostRefusals = 2;
/** Milliseconds after which a refused credential is shown once more: whoever refuses it may have been mistaken. */
const restFor = 60_000;

/**
 * Whether the credentials for one host are good, found out once for all: until one has been accepted it is shown by
 * one request at a time, because every wrong password counts towards the lock of an account. A refusal may be that
 * of one repository; it is the credential's when it is refused for nothing in particular, too. Two such, and no
 * request shows it any more.
 */
export class CredentialTrials {
  readonly #host: string;
  readonly #now: () => number;
  readonly #trials = new Map<string, Trial>();

  /** @param now A clock that never goes back, in milliseconds. */
  constructor(host: string, now: () => number = () => performance.now()) {
    this.#host = host;
    this.#now = now;
  }

  /**
   * Shows a credential.
   * @throws {RegistryError} The refusal of the credential itself, with its `host`; whatever `run` throws.
   */
  async show<Result>(credential: Credential, showing: Showing<Result>): Promise<Result> {
    const trial = this.#trialOf(credential);
    while (!trial.isGood) {
      if (trial.refusal !== undefined && this.#now() < trial.notBefore) throw this.#refused(trial.refusal);
      if (trial.underWay === undefined) return this.#tried(trial, showing);
      await trial.underWay;
    }
    return showing.run();
  }

  #tried<Result>(trial: Trial, showing: Showing<Result>): Promise<Result> {
    const trying = this.#try(trial, showing);
    const over = () => {
      trial.underWay = undefined;
    };
    trial.underWay = trying.then(over, over);
    return trying;
  }

  async #try<Result>(
    trial: Trial,
    { purpose, run, refusalIn, isRefusedAnyway }: Showing<Result>,
  ): Promise<Result> {
    const result = await run();
    const refusal = refusalIn(result);
    if (refusal === undefined) {
      trial.isGood = true;
      return result;
    }
    trial.refusedFor.add(purpose);
    trial.isRefusedAnyway ??= (await isRefusedAnyway()) ?? false;
    if (!trial.isRefusedAnyway) {
      trial.isGood = true;
      return result;
    }
    if (trial.refusedFor.size >= mostRefusals) {
      trial.refusal = refusal;
      trial.notBefore = this.#now() + restFor;
    }
    throw this.#refused(refusal);
  }

  #refused({ code, message, hint, cause }: RegistryError): RegistryError {
    return new RegistryError(code, message, { where: this.#host, hint, host: this.#host, cause });
  }

  #trialOf(credential: Credential): Trial {
    const key = keyOf(credential);
    const known = this.#trials.get(key);
    if (known !== undefined) return known;
    const trial: Trial = {
      ...{ isGood: false, underWay: undefined, refusedFor: new Set<string>() },
      ...{ isRefusedAnyway: undefined, refusal: undefined, notBefore: 0 },
    };
    this.#trials.set(key, trial);
    return trial;
  }
}

function keyOf(credential: Credential): string {
  return credential.kind === "basic"
    ? `basic ${credential.username}:${credential.password}`
    : `${credential.kind} ${credential.token}`;
}
