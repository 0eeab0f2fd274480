import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { outputOf } from "./child.ts";

/** A certificate authority of a test, and what it signs: paths of PEM files. */
export interface Authority {
  readonly ca: string;
  /** A certificate for 127.0.0.1, localhost, forge.test and google.test, good for servers and clients. */
  issue(name: string): Promise<{ readonly cert: string; readonly key: string }>;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority in a folder, with the real openssl. */
export async function makeAuthority(folder: string): Promise<Authority> {
  await mkdir(folder, { recursive: true });
  const ca = join(folder, "ca.pem");
  const caKey = join(folder, "ca.key");
  const self = ["req", "-x509", ...newKey, "-subj", "/CN=a test's authority", "-days", "2"];
  await outputOf("openssl", [...self, "-keyout", caKey, "-out", ca]);
  return {
    ca,
    async issue(name) {
      const [cert, key, request, extensions] = ["pem", "key", "csr", "ext"].map((end) =>
        join(folder, `${name}.${end}`),
      );
      const files = {
        cert: cert ?? "",
        key: key ?? "",
        request: request ?? "",
        extensions: extensions ?? "",
      };
      await writeFile(
        files.extensions,
        "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:forge.test,DNS:google.test\n",
      );
      const asked = ["req", ...newKey, "-subj", `/CN=${name}`, "-keyout", files.key, "-out", files.request];
      await outputOf("openssl", asked);
      const signer = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", "2"];
      const signed = ["-in", files.request, "-out", files.cert, "-extfile", files.extensions];
      await outputOf("openssl", ["x509", "-req", ...signer, ...signed]);
      return { cert: files.cert, key: files.key };
    },
  };
}
