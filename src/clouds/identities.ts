import { homedir } from "node:os";
import type { Network } from "../http/index.ts";
import type { AwsKey } from "./aws/key.ts";
import type { CloudContext, CloudServices } from "./context.ts";
import { CloudError } from "./errors.ts";
import { type AwsIdentity, type Cloud, clouds, type IdentitySetting, type SubjectPlace } from "./model.ts";
import { isRegistryOf } from "./registries.ts";
import { type SubjectToken, subjectToken } from "./subject.ts";
import { type Held, type Renewed, renewed } from "./token.ts";
import { type CloudWire, openCloudWire } from "./wire.ts";

/** What a registry is shown of an identity. */
export type RegistryLogin =
  | { readonly kind: "basic"; readonly username: string; readonly password: string; readonly source: string }
  | { readonly kind: "identity-token"; readonly token: string; readonly source: string };

/** What is wanted of a registry. */
export interface LoginWish {
  /** `host` or `host:port`. */
  readonly host: string;
  /** As little as can be: what only reads. */
  readonly readsOnly: boolean;
  /** The password or token that the registry has just refused, which may have ended before its time: another one is got. */
  readonly refused?: string | undefined;
}

/**
 * Who this process is in clouds. Each token is asked for when it is first needed, once by all who need it, kept in memory alone, and
 * asked for anew before it ends. All methods throw {@link CloudError}.
 */
export interface Identities {
  /** What a registry is logged in to with, by an identity of the settings or the name of a cloud. */
  registryLogin(identity: string, wish: LoginWish): Promise<RegistryLogin>;
  /** An access token for Google's services. */
  google(identity: string): Promise<Held<string>>;
  /** A key for Amazon's services, and the region of the identity. */
  aws(identity: string): Promise<Held<AwsKey> & { readonly region: string | undefined }>;
  /** A token of Entra ID for a resource, such as `https://vault.azure.net`. */
  azure(identity: string, resource: string): Promise<Held<string>>;
  /** What a CI system or cluster vouches with. */
  subject(place: SubjectPlace, usualAudience: string): Promise<SubjectToken>;
  /** The way to services that are shown what comes of these. */
  readonly wire: CloudWire;
}

/** Where identities are found. */
export interface IdentityOrigins {
  readonly identities: Readonly<Record<string, IdentitySetting>>;
  readonly network: Network;
  /** The user's home directory; `HOME`, or what the system says, when left out. */
  readonly homeDir?: string | undefined;
  readonly now?: (() => number) | undefined;
  /** Where services are, for tests. */
  readonly services?: CloudServices | undefined;
}

/** What Entra ID calls the registries: nothing else takes such a token. */
const registryResource = "https://containerregistry.azure.net";

/** Opens what finds out who this process is in clouds. Nobody is asked before somebody needs a token. */
export function openIdentities({ identities, network, ...origins }: IdentityOrigins): Identities {
  const { environment } = network;
  const context: CloudContext = {
    environment,
    home: origins.homeDir ?? (environment.HOME || homedir()),
    wire: openCloudWire(network),
    now: origins.now ?? Date.now,
    services: origins.services,
  };
  const kept = new Map<string, Renewed<unknown>>();
  const keep = <Value>(key: string, ask: Parameters<typeof renewed<Value>>[0]): Renewed<Value> => {
    const known = kept.get(key) ?? renewed(ask, context.now);
    kept.set(key, known as Renewed<unknown>);
    return known as Renewed<Value>;
  };

  const identityOf = (name: string): IdentitySetting => {
    const found = Object.hasOwn(identities, name) ? identities[name] : undefined;
    if (found !== undefined) return found;
    const cloud = clouds.find((each) => each === name);
    if (cloud !== undefined) return { cloud };
    throw new CloudError("identity-missing", `there is no identity ${JSON.stringify(name.slice(0, 64))}`, {
      where: "waybill.yaml",
      hint: `write it under identities, or name a cloud: ${clouds.join(", ")}`,
    });
  };
  const ofCloud = <Wanted extends Cloud>(name: string, cloud: Wanted) => {
    const found = identityOf(name);
    if (found.cloud === cloud) return found as IdentitySetting & { readonly cloud: Wanted };
    throw new CloudError(
      "identity-invalid",
      `the identity ${name} is one of ${found.cloud}, and one of ${cloud} is needed`,
      {
        where: found.where ?? "waybill.yaml",
      },
    );
  };

  const google = (name: string, readsOnly: boolean): Renewed<string> =>
    keep(`google ${name} ${readsOnly}`, async () => {
      const { googleToken } = await import("./google/tokens.ts");
      return googleToken(ofCloud(name, "google"), readsOnly, context);
    });
  const aws = (name: string, readsOnly: boolean): Renewed<AwsKey> =>
    keep(`aws ${name} ${readsOnly}`, async () => {
      const { awsKey } = await import("./aws/keys.ts");
      return awsKey(ofCloud(name, "aws"), readsOnly, context);
    });
  const azure = (name: string, resource: string): Renewed<string> =>
    keep(`azure ${name} ${resource}`, async () => {
      const { azureToken } = await import("./azure/tokens.ts");
      return azureToken(ofCloud(name, "azure"), resource, context);
    });

  return {
    wire: context.wire,
    subject: (place, audience) => subjectToken(place, audience, context),
    google: (name) => google(name, false)(),
    azure: (name, resource) => azure(name, resource)(),
    async aws(name) {
      const identity: AwsIdentity = ofCloud(name, "aws");
      return { ...(await aws(name, false)()), region: identity.region };
    },
    async registryLogin(name, { host, readsOnly, refused }) {
      const identity = identityOf(name);
      if (!isRegistryOf(identity.cloud, host) && identity.hosts?.includes(host) !== true) {
        throw new CloudError(
          "identity-invalid",
          `${host} is not known as a registry of the cloud ${identity.cloud}`,
          {
            where: identity.where ?? host,
            hint: `nothing was asked for; if it may see such a token, write under identities: ${name}: hosts: [${host}]`,
          },
        );
      }
      const told = (source: string): string => `the identity ${name} (${source})`;
      switch (identity.cloud) {
        case "google": {
          const { value, source } = await google(name, readsOnly)(refused);
          return { kind: "basic", username: "oauth2accesstoken", password: value, source: told(source) };
        }
        case "aws": {
          const keys = aws(name, readsOnly);
          const login = keep(`aws-registry ${name} ${readsOnly} ${host}`, async (isRefused) => {
            const { awsRegistryLogin } = await import("./aws/registry.ts");
            const key = await keys();
            return awsRegistryLogin(host, isRefused ? await keys(key.value) : key, identity.region, context);
          });
          const held = await login();
          const { value, source } = held.value.password === refused ? await login(held.value) : held;
          return { kind: "basic", ...value, source: told(source) };
        }
        case "azure": {
          const tokens = azure(name, registryResource);
          const login = keep(`azure-registry ${name} ${host}`, async (isRefused) => {
            const { azureRegistryLogin } = await import("./azure/registry.ts");
            const token = await tokens();
            return azureRegistryLogin(host, isRefused ? await tokens(token.value) : token, context);
          });
          const { value, source } = await login(refused);
          return { kind: "identity-token", token: value, source: told(source) };
        }
      }
    },
  };
}
