const weighty = (why: string) => ({ why });

/** Why a key of a Prow job is not taken, by its path without numbers. */
const reasons: ReadonlyMap<string, string | { readonly why: string }> = new Map<
  string,
  string | { readonly why: string }
>([
  ["agent", "Waybill runs its builds itself"],
  ["annotations.testgrid-dashboards", "it is for TestGrid"],
  ["annotations.testgrid-tab-name", "it is for TestGrid"],
  ["annotations.testgrid-num-failures-to-alert", "it is no number of failures"],
  [
    "annotations.testgrid-alert-stale-results-hours",
    weighty("nobody is told by itself that a job did not run; metrics have its last success"),
  ],
  ["clone_depth", "a run has all of the history that the checkout has"],
  ["clone_uri", weighty("the repository's own URL counts")],
  ["cluster", "a run goes on where Waybill is started, in no cluster"],
  ["decorate", "a run always has a checkout of its own, a log and a record"],
  ["decoration_config", "a run has no containers beside it"],
  ["error_on_eviction", "there is no pod that could be evicted"],
  ["hidden", weighty("who may read, reads its runs and logs: keep them to few by access.anonymousReading")],
  ["jenkins_spec", "there is no Jenkins"],
  [
    "labels",
    weighty("there are no pods to label; a preset that asks for one may have added variables to the job"),
  ],
  ["max_concurrency", "it sets no limit"],
  ["namespace", "there are no pods"],
  ["optional", "whether a status has to be there before a merge is said by the forge"],
  ["path_alias", "where the checkout is does not matter"],
  ["prowjob_defaults", "there is no other Prow to take defaults from"],
  ["reporter_config", weighty("receivers are named in the server's settings, and in a job by notify.to")],
  ["rerun_auth_config", weighty("it names nobody whom Waybill knows")],
  ["rerun_auth_config.allow_anyone", "it allows nobody"],
  ["rerun_command", "the comment that starts it again is /test with its name"],
  ["retry", weighty("a run that failed is not repeated by itself")],
  ["run_before_merge", weighty("no pull requests are merged")],
  ["skip_fetch_head", "a run builds what the checkout has"],
  ["skip_report", weighty("its status is reported all the same")],
  ["skip_submodules", weighty("submodules are never fetched")],
  ["spec.automountServiceAccountToken", "there is no pod"],
  ["spec.containers[].envFrom", weighty("its variables are kept in the cluster")],
  ["spec.containers[].imagePullPolicy", "Waybill does the work of that image itself"],
  ["spec.containers[].name", "there is no container to name"],
  ["spec.containers[].resources", "the build has what this machine has"],
  ["spec.containers[].securityContext", "there is no container"],
  ["spec.containers[].volumeMounts", "there are no volumes"],
  ["spec.containers[].workingDir", weighty("paths start at the top of the repository")],
  ["spec.nodeSelector", "there is no cluster to choose a node of"],
  ["spec.serviceAccount", "a run has the credentials of who starts it"],
  ["spec.serviceAccountName", "a run has the credentials of who starts it"],
  ["spec.tolerations", "there is no cluster to choose a node of"],
  ["spec.volumes", "there are no volumes"],
  ["tags", "they are words to find the job by"],
  ["trigger", weighty("the comment that starts it is /test with its name")],
  ["extra_refs[].auxiliary", "only the first repository is built"],
  [
    "extra_refs[].base_sha",
    weighty("what is built is the newest commit of the branch, not one commit for ever"),
  ],
  ["extra_refs[].clone_depth", "a run has all of the history that the checkout has"],
  ["extra_refs[].path_alias", "where the checkout is does not matter"],
  ["extra_refs[].repo_link", "it follows from the URL"],
  ["extra_refs[].skip_submodules", weighty("submodules are never fetched")],
]);

/**
 * Whether what is built, from what and when is the same without what stands at a path: only where that is known.
 * @param general The path without numbers: `spec.containers[].args[]`.
 */
export function isHarmless(general: string): boolean {
  const known = reasons.get(general);
  if (known !== undefined) return typeof known === "string";
  return /^(?:annotations|decoration_config)\./.test(general) && general !== "decoration_config.timeout";
}

export const openedKeys: ReadonlySet<string> = new Set([
  ...["annotations", "decoration_config", "spec", "spec.containers"],
  ...["spec.containers[]", "spec.containers[].args", "spec.containers[].env"],
]);

/** Why what stands at a path is not taken. @param general The path without numbers. */
export function reasonFor(general: string): string {
  const known = reasons.get(general);
  if (known !== undefined) return typeof known === "string" ? known : known.why;
  if (general.startsWith("annotations.")) return "it is for a program that reads annotations";
  if (general.startsWith("decoration_config."))
    return "it is about the containers that Prow puts beside a job";
  if (general === "extra_refs[]") return "a build has one repository";
  if (general.startsWith("spec.")) return "it is about the pod, and there is none";
  return "Waybill does not know this key";
}
