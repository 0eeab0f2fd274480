import {
  described,
  either,
  list,
  made,
  mapping,
  record,
  required,
  type Shape,
  type ValueFault,
} from "../schema/index.ts";
import type { DestinationSet, DestinationTemplate } from "./model.ts";
import { folderTemplateFault, registryTemplateFault, sourceTemplateFault } from "./name-template.ts";
import { textThat } from "./values.ts";

/** The section `destinations`: sets of registries by name, each a list, or a mapping that has one. */
export function destinations(): Shape<Readonly<Record<string, DestinationSet>>> {
  const registries = described(
    list(destination(), { min: 1, what: "a list" }),
    "Production registries; {name} stands for the short name of a project.",
  );
  const set = mapping("a set of destinations", {
    registries: required(registries),
    source: template(
      sourceTemplateFault,
      "The staging registry of a project, such as gcr.io/k8s-staging-{name}.",
    ),
    folder: template(
      folderTemplateFault,
      "The folder of a project below images/ and manifests/, such as k8s-staging-{name}.",
    ),
  });
  const alone = made(registries, (all): DestinationSet => ({ registries: all }));
  return described(
    record(either(alone, set), (name) =>
      setName.test(name)
        ? undefined
        : { fault: "a set is named by lower case letters, digits, dots and dashes, 64 at most" },
    ),
    "Where new projects are promoted to, by the name of the set.",
  );
}

const setName = /^[a-z0-9][a-z0-9.-]{0,63}$/;

function destination(): Shape<DestinationTemplate> {
  const name = template(registryTemplateFault, "A registry, such as us.gcr.io/k8s-artifacts-prod/{name}.");
  const serviceAccount = textThat(
    (text) => (accountName.test(text) ? undefined : { fault: "expected the address of a service account" }),
    {
      type: "string",
      pattern: accountName.source,
      description: "Whom cip and kpromo write there as; Waybill uses credentials instead.",
    },
  );
  return either(
    made(name, (written): DestinationTemplate => ({ name: written })),
    mapping("a registry", { name: required(name), serviceAccount }),
  );
}

const accountName = /^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$/;

function template(faultOf: (text: string) => ValueFault | undefined, description: string): Shape<string> {
  return textThat(faultOf, { type: "string", minLength: 1, description });
}
