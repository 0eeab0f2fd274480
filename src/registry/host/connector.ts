import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { buildConnector } from "undici";
import { RegistryError } from "../errors.ts";
import { type AddressKind, kindOfAddress, literalAddress } from "./address.ts";
import type { TlsOptions } from "./tls.ts";

/** Which addresses may be connected to, and who learns which one it was. */
export interface AddressRule {
  readonly allows: (kind: AddressKind) => boolean;
  readonly connected?: (kind: AddressKind) => void;
}

/** The parts of undici this room uses; loaded with the first request, not with the module. */
export type Undici = typeof import("undici");

/**
 * Opens connections whose address is checked when it is known for certain: after the name has been resolved, on the
 * very addresses that are then connected to. A name that leads anywhere forbidden is refused as a whole, so that
 * neither a changing answer nor a mixed one gets through.
 */
export function guardedConnector(
  undici: Undici,
  rule: AddressRule,
  tls: TlsOptions,
  timeout: number,
): buildConnector.connector {
  const connect = undici.buildConnector({
    timeout,
    lookup: guardedLookup(rule),
    autoSelectFamilyAttemptTimeout: 1000,
    ...tls,
  });
  return (target, callback) => {
    const literal = literalAddress(target.hostname);
    if (literal !== undefined && !rule.allows(kindOfAddress(literal))) {
      callback(forbidden(target.hostname, kindOfAddress(literal)), null);
      return;
    }
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      if (socket.remoteAddress !== undefined) rule.connected?.(kindOfAddress(socket.remoteAddress));
      return callback(null, socket);
    });
  };
}

/** The failure of a request that would go to a forbidden address. */
export function forbidden(hostname: string, kind: AddressKind): RegistryError {
  return new RegistryError(
    "unsafe-address",
    `${hostname} has a ${kind} address, where a registry may not send us`,
    {
      where: hostname,
      hint: "if that is meant so, set allowPrivateAddresses for the registry in waybill.yaml",
    },
  );
}

function guardedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const first = addresses?.[0];
      if (error !== null || first === undefined) {
        callback(error ?? new Error(`${hostname} has no address`), "", 0);
        return;
      }
      const refused = addresses
        .map(({ address }) => kindOfAddress(address))
        .find((kind) => !rule.allows(kind));
      if (refused !== undefined) callback(forbidden(hostname, refused), "", 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
