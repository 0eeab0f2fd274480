import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type IdentitySetting, openIdentities } from "../../src/clouds/index.ts";
import { isSignedByAmazon, type SigningKey } from "../support/amazon-signature.ts";
import { type Asked, ciToken, ciTokenJudge, startCloud, type Told } from "../support/cloud.ts";
import { temporaryFolder } from "../support/tree.ts";

const host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const role = "arn:aws:iam::123456789012:role/promoter";
const own: SigningKey = { id: "AKIDOWN", secret: "own/secret+key" };
const ofRole: SigningKey = { id: "ASIAROLE", secret: "role/secret+key", session: "role/session+token==" };
const wish = { host, readsOnly: false };

let home: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  home = await temporaryFolder("aws");
});
afterEach(() => home.remove());

const file = async (name: string, content: string): Promise<string> => {
  const path = join(home.path, name);
  await writeFile(path, content);
  return path;
};

function loginOf(environment: NodeJS.ProcessEnv, identities: Record<string, IdentitySetting> = {}) {
  const opened = openIdentities({ identities, network: { environment }, homeDir: home.path });
  return (name: string, more: Partial<Parameters<typeof opened.registryLogin>[1]> = {}) =>
    opened.registryLogin(name, { ...wish, ...more });
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const keysOf = ({ id, secret, session }: SigningKey) => ({
  ...{ AccessKeyId: id, SecretAccessKey: secret, Token: session, Expiration: inAnHour() },
});

/** Amazon's registry and token services: requests to the first are signed by a key, and the second gives that of the role. */
async function amazon(key: SigningKey, audience = "sts.amazonaws.com") {
  const isGood = ciTokenJudge(audience);
  let count = 0;
  const registry = ({ request, body, headers }: Asked, service: string): Told => {
    if (!isSignedByAmazon(request, Buffer.from(body), key, ["x-amz-target"])) {
      return [403, { __type: "UnrecognizedClientException", message: `said of ${key.secret}` }];
    }
    const scope = `/eu-west-1/${service}/aws4_request`;
    if (service === "ecr" && headers.authorization?.includes(scope) !== true)
      return [403, { message: "scope" }];
    count += 1;
    const authorizationToken = Buffer.from(`AWS:password-${count}`).toString("base64");
    const data = { authorizationToken, expiresAt: Date.now() / 1_000 + 12 * 3600 };
    return [
      200,
      {
        authorizationData:
          service === "ecr" ? [{ ...data, proxyEndpoint: "https://evil.example.com" }] : data,
      },
    ];
  };
  const given = (action: string) =>
    `<${action}Response><${action}Result><Credentials><AccessKeyId>${ofRole.id}</AccessKeyId><SecretAccessKey>${ofRole.secret}</SecretAccessKey><SessionToken>${ofRole.session}</SessionToken><Expiration>${inAnHour()}</Expiration></Credentials></${action}Result></${action}Response>`;
  const server = await startCloud({
    "/": async (asked) => {
      const { form, headers, request, body } = asked;
      const target = headers["x-amz-target"];
      if (target === "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
        return registry(asked, "ecr");
      if (target === "SpencerFrontendService.GetAuthorizationToken") return registry(asked, "ecr-public");
      const action = form.get("Action");
      if (action === "AssumeRole" && isSignedByAmazon(request, Buffer.from(body), own))
        return [200, given(action)];
      const token = form.get("WebIdentityToken");
      if (
        action === "AssumeRoleWithWebIdentity" &&
        headers.authorization === undefined &&
        (await isGood(token))
      ) {
        return [200, given(action)];
      }
      return [
        403,
        `<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized: ${token}</Message></Error></ErrorResponse>`,
      ];
    },
  });
  const environment = {
    ...{ AWS_ENDPOINT_URL_ECR: server.origin, AWS_ENDPOINT_URL_ECR_PUBLIC: server.origin },
    ...{ AWS_ENDPOINT_URL_STS: server.origin, AWS_EC2_METADATA_DISABLED: "true", AWS_REGION: "us-west-2" },
  };
  return { ...server, environment };
}
const keyVariables = { AWS_ACCESS_KEY_ID: own.id, AWS_SECRET_ACCESS_KEY: own.secret };

test("a key of the environment signs for the login of a private registry, asked for once", async () => {
  const server = await amazon(own);
  const login = loginOf({ ...server.environment, ...keyVariables });
  const logins = await Promise.all([login("aws"), login("aws"), login("aws")]);
  expect(new Set(logins.map((each) => JSON.stringify(each))).size).toBe(1);
  expect(logins[0]).toEqual({
    ...{ kind: "basic", username: "AWS", password: "password-1" },
    source: "the identity aws ($AWS_ACCESS_KEY_ID)",
  });
  expect(server.asked).toHaveLength(1);
  expect(await login("aws", { refused: "password-1" })).toMatchObject({ password: "password-2" });
  expect(await login("aws", { refused: "password-1" })).toMatchObject({ password: "password-2" });
});

test("public registries have a login of their own", async () => {
  const server = await amazon(own);
  const login = loginOf({ ...server.environment, ...keyVariables });
  expect(await login("aws", { host: "public.ecr.aws" })).toMatchObject({
    username: "AWS",
    password: "password-1",
  });
  expect(server.asked[0]?.headers["x-amz-target"]).toBe("SpencerFrontendService.GetAuthorizationToken");
});

test("a profile of the shared file is used, with its session", async () => {
  const server = await amazon(ofRole);
  const AWS_SHARED_CREDENTIALS_FILE = await file(
    "credentials",
    `[default]\naws_access_key_id = other\naws_secret_access_key = other\n[ci]\naws_access_key_id=${ofRole.id}\naws_secret_access_key = ${ofRole.secret}\naws_session_token = ${ofRole.session}\n`,
  );
  const login = loginOf({ ...server.environment, AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE: "ci" });
  expect(await login("aws")).toMatchObject({ password: "password-1" });
});

test("a key that is wrong is refused, and what is said does not show it", async () => {
  const server = await amazon(ofRole);
  const login = loginOf({ ...server.environment, ...keyVariables, AWS_ACCESS_KEY_ID: ofRole.id });
  const error = await login("aws").then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toMatchObject({ code: "identity-refused", status: 403 });
  expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain(own.secret);
});

test("the token's file of a pod is exchanged for the role", async () => {
  const server = await amazon(ofRole);
  const AWS_WEB_IDENTITY_TOKEN_FILE = await file("token", `${await ciToken("sts.amazonaws.com")}\n`);
  const login = loginOf({ ...server.environment, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN: role });
  expect(await login("aws")).toMatchObject({ password: "password-1", source: expect.stringContaining(role) });
  const [{ form } = { form: new URLSearchParams() }] = server.asked;
  expect([form.get("RoleArn"), form.get("Policy")]).toEqual([role, null]);
});

test("a token that was shown before is refused, and is not shown in the message", async () => {
  const server = await amazon(ofRole);
  const token = await ciToken("sts.amazonaws.com");
  const ci: IdentitySetting = { cloud: "aws", role, token: { variable: "AWS_ID_TOKEN" } };
  const environment = { ...server.environment, AWS_ID_TOKEN: token };
  expect(await loginOf(environment, { ci })("ci")).toMatchObject({ password: "password-1" });
  const error = await loginOf(environment, { ci })("ci").then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toMatchObject({ code: "identity-refused" });
  expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain(token);
});

test("whoever only reads gets a role that only reads", async () => {
  const server = await amazon(ofRole);
  const ci: IdentitySetting = { cloud: "aws", role, token: { variable: "AWS_ID_TOKEN" } };
  const login = loginOf({ ...server.environment, AWS_ID_TOKEN: await ciToken("sts.amazonaws.com") }, { ci });
  await login("ci", { readsOnly: true });
  const policy = server.asked[0]?.form.get("Policy") ?? "";
  expect(policy).toContain("ecr:BatchGetImage");
  expect(policy).not.toMatch(/Put|Upload|Delete|\*"\]/);
});

test("a role is assumed with the key that there is", async () => {
  const server = await amazon(ofRole);
  const other: IdentitySetting = { cloud: "aws", role };
  const login = loginOf({ ...server.environment, ...keyVariables }, { other });
  expect(await login("other")).toMatchObject({ password: "password-1" });
  expect(server.asked[0]?.form.get("Action")).toBe("AssumeRole");
});

test("a container's server is shown the token of its file, anew each time", async () => {
  const server = await amazon(ofRole);
  const container = await startCloud({
    "/v1/credentials": ({ headers }) =>
      headers.authorization === "pod token" ? [200, keysOf(ofRole)] : [401],
  });
  const AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = await file("pod", "pod token\n");
  const login = loginOf({
    ...{ ...server.environment, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE },
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.origin}/v1/credentials`,
  });
  expect(await login("aws")).toMatchObject({ password: "password-1" });
});

test.each([
  ["http://credentials.example.com/x", undefined],
  ["http://169.254.169.253/x", undefined],
  [undefined, "@credentials.example.com/x"],
  [undefined, ".example.com/x"],
])("a container's address that leads elsewhere (%s, %s) is not told the token", async (full, relative) => {
  const login = loginOf({
    ...{ AWS_CONTAINER_CREDENTIALS_FULL_URI: full, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative },
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "pod-token",
  });
  await expect(login("aws")).rejects.toMatchObject({ code: "identity-invalid" });
});

test("the machine's metadata server is asked by its second version alone", async () => {
  const server = await amazon(ofRole);
  const metadata = await startCloud({
    "/latest/api/token": ({ method, headers }) =>
      method === "PUT" && headers["x-aws-ec2-metadata-token-ttl-seconds"] === "300"
        ? [200, "session=="]
        : [400],
    "/latest/meta-data/iam/security-credentials/": ({ path, headers }) => {
      if (headers["x-aws-ec2-metadata-token"] !== "session==") return [401];
      return path.endsWith("/") ? [200, "node-role\n"] : [200, keysOf(ofRole)];
    },
  });
  const login = loginOf({
    ...{ ...server.environment, AWS_EC2_METADATA_DISABLED: undefined },
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.origin,
  });
  expect(await login("aws")).toMatchObject({
    ...{ password: "password-1", source: "the identity aws (Amazon's metadata server, as node-role)" },
  });
  expect(metadata.asked.map(({ path }) => path.split("/").at(-1))).toEqual(["token", "", "node-role"]);
});

test("nobody who says who this process is, is an error with a way on", async () => {
  const login = loginOf({ AWS_EC2_METADATA_DISABLED: "true" });
  await expect(login("aws")).rejects.toMatchObject({
    code: "identity-missing",
    hint: expect.stringContaining("AWS_PROFILE"),
  });
  await expect(login("nobody")).rejects.toMatchObject({ code: "identity-missing" });
  await expect(login("aws", { host: "registry.example.com" })).rejects.toMatchObject({
    code: "identity-invalid",
  });
});

test("a registry that answers no login is told", async () => {
  const server = await startCloud({
    "/": () => [200, { authorizationData: [{ authorizationToken: "bm8gY29sb24=" }] }],
  });
  const login = loginOf({ AWS_ENDPOINT_URL_ECR: server.origin, ...keyVariables });
  await expect(login("aws")).rejects.toMatchObject({ code: "identity-unreachable" });
});
