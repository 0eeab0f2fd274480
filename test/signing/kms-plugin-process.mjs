#!/usr/bin/env node
// A plugin of a key service: its keys are files, and what it does is in the name of the key it is asked for.
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const [, , version, text] = process.argv;
const { initOptions, methodName } = JSON.parse(text);
const { keyResourceID: id, protocolVersion, hashFunc } = initOptions;
const answer = (value) => process.stdout.write(JSON.stringify(value));
const [behaviour, file] = id.split("@");
const hashes = { 0: null, 5: "sha256", 6: "sha384", 7: "sha512" };

if (version !== "v1" || protocolVersion !== "v1") answer({ errorMessage: "another protocol" });
else if (behaviour === "locked") answer({ errorMessage: "key is locked\nby somebody" });
else if (behaviour === "mute") process.stderr.write("no network\n");
else if (behaviour === "chatty") process.stdout.write("x".repeat(1024 * 1024));
else if (behaviour === "slow") setInterval(() => {}, 1000);
else {
  const key = createPrivateKey(readFileSync(file));
  if (methodName === "publicKey") {
    const pem = createPublicKey(key).export({ format: "pem", type: "spki" });
    answer({ publicKey: { publicKeyPEM: Buffer.from(pem).toString("base64") } });
  } else {
    const message = readFileSync(0);
    const signed = behaviour === "wrong" ? Buffer.from("something else") : message;
    answer({ signMessage: { signature: sign(hashes[hashFunc], signed, key).toString("base64") } });
    // Its exit code means nothing.
    process.exitCode = 3;
  }
}
