import { z } from "zod";
import { folderTemplateFault, registryTemplateFault, sourceTemplateFault } from "./name-template.ts";
import { textValue } from "./values.ts";

/** The section `destinations`: sets of registries by name, each a list, or a mapping that has one. */
export function destinations() {
  const registries = z
    .array(destination())
    .min(1, { error: "expected at least one registry" })
    .meta({ description: "Production registries; {name} stands for the short name of a project." });
  const set = z.strictObject({
    registries,
    source: template(
      sourceTemplateFault,
      "The staging registry of a project, such as gcr.io/k8s-staging-{name}.",
    ).exactOptional(),
    folder: template(
      folderTemplateFault,
      "The folder of a project below images/ and manifests/, such as k8s-staging-{name}.",
    ).exactOptional(),
  });
  return z
    .record(z.string(), z.union([registries, set]))
    .superRefine(
      (entries, context) => {
        for (const name of Object.keys(entries)) {
          if (setName.test(name)) continue;
          context.addIssue({
            code: "custom",
            path: [name],
            message: "a set is named by lower case letters, digits, dots and dashes, 64 at most",
            params: { key: true },
          });
        }
      },
      { when: ({ value }) => typeof value === "object" && value !== null && !Array.isArray(value) },
    )
    .meta({ description: "Where new projects are promoted to, by the name of the set." });
}

const setName = /^[a-z0-9][a-z0-9.-]{0,63}$/;

function destination() {
  const name = template(registryTemplateFault, "A registry, such as us.gcr.io/k8s-artifacts-prod/{name}.");
  const serviceAccount = textValue(
    (text) =>
      accountName.test(text) ? { value: text } : { fault: "expected the address of a service account" },
    {
      type: "string",
      pattern: accountName.source,
      description: "Whom cip and kpromo write there as; Waybill uses credentials instead.",
    },
  );
  return z.union([name, z.strictObject({ name, serviceAccount: serviceAccount.exactOptional() })]);
}

const accountName = /^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$/;

function template(
  faultOf: (text: string) => { readonly fault: string; readonly hint?: string } | undefined,
  description: string,
) {
  return textValue((text) => faultOf(text) ?? { value: text }, { type: "string", minLength: 1, description });
}
