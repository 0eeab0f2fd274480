import type { CloudContext } from "../context.ts";
import type { CloudRequest } from "../wire.ts";
import type { AwsKey } from "./key.ts";

/** A request to a service of Amazon's, to be signed. */
export interface AwsCall {
  readonly url: URL;
  readonly service: string;
  readonly region: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly who: string;
  readonly secrets?: readonly string[];
}

/** Asks with Amazon's Signature Version 4 over the whole request. @throws {CloudError} */
export async function askAmazon(
  { url, service, region, headers, body, who, secrets = [] }: AwsCall,
  { id, secret, session }: AwsKey,
  { wire }: Pick<CloudContext, "wire">,
) {
  const { AwsV4Signer } = await import("aws4fetch");
  const signer = new AwsV4Signer({
    ...{ method: "POST", url: url.href, headers: { ...headers }, body, service, region },
    ...{ accessKeyId: id, secretAccessKey: secret },
    ...(session !== undefined && { sessionToken: session }),
  });
  const { authorization, ...signed } = Object.fromEntries((await signer.sign()).headers);
  const request: CloudRequest = {
    ...{ method: "POST", url, headers: signed, authorization, body, who },
    secrets: [secret, session ?? "", ...secrets],
  };
  return wire(request);
}

/** What is behind the names of a region's services. */
export function domainOf(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/** Whether a name may be a part of a host. */
export function isRegion(name: string): boolean {
  return /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/.test(name);
}
