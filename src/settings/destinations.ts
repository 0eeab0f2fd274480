import {
  described,
  either,
  list,
  made,
  mapping,
  record,
  required,
  type Shape,
  text,
  type ValueFault,
} from "../schema/index.ts";
import type { DestinationSet, DestinationTemplate } from "./model.ts";
import { folderTemplateFault, registryTemplateFault, sourceTemplateFault } from "./name-template.ts";
import { nameFault, textLike } from "./values.ts";

/** The section `destinations`: sets of registries by name, each a list, or a mapping that has one. */
export function destinations(): Shape<Readonly<Record<string, DestinationSet>>> {
  const registries = described(
    list(destination(), { min: 1, what: "a list" }),
    "Production registries: texts, or mappings with name and serviceAccount. A set that is a list has these alone.",
  );
  const set = mapping("a set of destinations", {
    registries: required(registries),
    source: template(
      sourceTemplateFault,
      "The staging registry of a project, such as gcr.io/k8s-staging-{name}; without it, --source names it.",
    ),
    folder: template(
      folderTemplateFault,
      "The folder of a project below images/ and manifests/; without it, its short name.",
    ),
  });
  const alone = made(registries, (all): DestinationSet => ({ registries: all }));
  return described(
    record(either(alone, set), nameFault("a set")),
    "Where new projects are promoted to, by the name of the set.",
  );
}

function destination(): Shape<DestinationTemplate> {
  const name = template(
    registryTemplateFault,
    "Host and path, {name} standing for the short name of a project: us.gcr.io/k8s-artifacts-prod/{name}.",
  );
  const serviceAccount = textLike(
    /^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$/,
    { fault: "expected the address of a service account" },
    "Whom cip and kpromo write there as; Waybill uses credentials instead.",
  );
  return either(
    made(name, (written): DestinationTemplate => ({ name: written })),
    mapping("a registry", { name: required(name), serviceAccount }),
  );
}

function template(faultOf: (text: string) => ValueFault | undefined, description: string): Shape<string> {
  return text(faultOf, { type: "string", minLength: 1, description });
}
