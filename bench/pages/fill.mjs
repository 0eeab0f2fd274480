// Fills the tables of a server with as much as a large one has after years: it has to be migrated, and empty.

const mirrors = 22;

/**
 * Runs: half of one job, the others of 200; one in 100 failed, one in 1,000 is of a pull request; 500 wait, 20 are held. Each has its attempt
 * and its record. Edges: images of 75 projects, each at 22 mirrors, with their tags and what became of them.
 */
export async function fill(db, { runs, edges }) {
  const cause = { by: "push", text: "push of main by ann", at: "2026-01-01T00:00:00Z", who: "ann" };
  await db.query(
    `INSERT INTO queue_run (id, job, kind, type, repo, ref, commit, pull, author, key, priority, input, causes, state, held, asked_at, rank,
       attempt, worker, started_at, result, details, ended_at)
     SELECT ((1767225600000 + n::bigint * 60000 - 1288834974657) << 22) | 8192 | (n & 4095), job, kind,
       CASE WHEN n % 1000 = 0 THEN 'presubmit' ELSE 'postsubmit' END, 'https://github.com/example/' || job, 'refs/heads/main',
       md5(n::text) || '01234567', CASE WHEN n % 1000 = 0 THEN n % 500 + 1 END, CASE WHEN n % 1000 = 0 THEN 'author-' || n % 50 END,
       n::text, 0, $2, $3::jsonb, state, CASE WHEN state = 'held' THEN 'release day' END, asked, n,
       CASE WHEN state = 'ended' THEN 1 ELSE 0 END, CASE WHEN state = 'ended' THEN 'host-' || n % 8 || ':7:abc:1' END,
       CASE WHEN state = 'ended' THEN asked + interval '2 seconds' END,
       CASE WHEN state = 'ended' THEN CASE WHEN n % 100 = 0 THEN 'FAILURE' ELSE 'SUCCESS' END END,
       CASE WHEN state = 'ended' THEN jsonb_build_object('summary', n % 50 || ' images promoted to registry.k8s.io') END,
       CASE WHEN state = 'ended' THEN asked + make_interval(secs => n % 900 + 3) END
     FROM (SELECT n, CASE WHEN n > $1 - 20 THEN 'held' WHEN n > $1 - 520 THEN 'waiting' ELSE 'ended' END AS state,
             CASE WHEN n % 2 = 0 THEN 'promote' ELSE 'build' END AS kind,
             CASE WHEN n % 2 = 0 THEN 'promote' ELSE 'job-' || n % 200 END AS job,
             to_timestamp(1767225600 + n::bigint * 60) AS asked
           FROM generate_series(1, $1::int) AS n) AS run`,
    [runs, { job: { name: "promote" } }, JSON.stringify([cause])],
  );
  await db.query(
    `INSERT INTO queue_attempt (run, attempt, worker, started_at, ended_at, ending)
     SELECT id, 1, worker, started_at, ended_at, result FROM queue_run WHERE state = 'ended'`,
  );
  await db.query(
    `INSERT INTO run_record (id, job, place, attempt, is_queued, result, started, prow_job, finished, began_at, ended_at, seen_at, is_spooled, is_kept)
     SELECT id, job, 'logs/' || job || '/' || id, 1, true, result, json_build_object('timestamp', 1767225600), '{}',
       json_build_object('timestamp', 1767225660, 'result', result), started_at, ended_at, ended_at, false, true
     FROM queue_run WHERE state = 'ended'`,
  );
  await db.query(
    `INSERT INTO delivery (source, id, sender, event, content, outcome, received_at, due_at)
     SELECT 'forge', n::text, 'github', CASE WHEN n % 100 = 0 THEN 'ping' ELSE 'push' END,
       jsonb_build_object('repositoryUrls', jsonb_build_array('https://github.com/example/' || n % 200), 'refs', '[]'::jsonb, 'registry', '[]'::jsonb),
       'done', now(), now() FROM generate_series(1, $1::int) AS n`,
    [runs],
  );
  await db.query(
    `INSERT INTO audit_entry (number, entry, hash)
     SELECT n, json_build_object('number', n, 'at', now(), 'act', CASE WHEN n % 10 = 0 THEN 'run.abort' ELSE 'job.run' END,
       'subject', 'job/job-' || n % 200, 'who', json_build_object('kind', 'person', 'id', 'p' || n % 50, 'name', 'Ann'), 'previous', md5(n::text)),
       md5(n::text) FROM generate_series(1, $1::int) AS n`,
    [runs],
  );
  await fillImages(db, Math.ceil(edges / mirrors));
  await db.query(`${db.kind === "postgres" ? "VACUUM " : ""}ANALYZE`);
}

async function fillImages(db, images) {
  const digest = "'sha256:' || md5('a' || n) || md5('b' || n)";
  const name = "'gcr.io/k8s-staging-project-' || n % 75 || '/image-' || n % 4000";
  const repository = "https://github.com/kubernetes/k8s.io";
  await db.query(
    "INSERT INTO production_tree (repo, ref, path, commit, run_id, job, looked_at) VALUES ($1, 'refs/heads/main', 'registry.k8s.io', 'abc', '1', 'verify', now())",
    [repository],
  );
  await db.query(
    "INSERT INTO production_mirror (name) SELECT 'mirror-' || n FROM generate_series(1, $1::int) AS n",
    [mirrors],
  );
  await db.query(
    `INSERT INTO production_project (tree, project, images, edges, asked_mark, deep_mark, looked_at, run_id, job)
     SELECT 1, 'project-' || n, $1::int / 75, $1::int / 75 * ${mirrors}, 'a', 'b', now(), '1', 'verify' FROM generate_series(0, 74) AS n`,
    [images],
  );
  await db.query(
    `INSERT INTO production_cell (tree, project, mirror, registry, edges, missing, elsewhere, damaged, contested, unread, failed)
     SELECT 1, 'project-' || n, mirror, 'registry-' || mirror || '/project-' || n, $1::int / 75, n % 7, 0, 0, 0, 0, 0
     FROM generate_series(0, 74) AS n, generate_series(1, ${mirrors}) AS mirror`,
    [images],
  );
  await db.query(
    `INSERT INTO production_image (tree, project, place, name, digest, source, at, tags, mirrors, mark, off, off_mirrors, healths, since, sought)
     SELECT 1, 'project-' || n % 75, lpad(n::text, 9, '0'), 'image-' || n % 4000, ${digest}, ${name}, 'images.yaml:' || n, $2::jsonb, $3::int[], 'm',
       CASE WHEN n % 500 = 0 THEN '[{"t":"missing","m":[1,2],"s":1767225600000,"r":"1"}]'::jsonb END,
       CASE WHEN n % 500 = 0 THEN '{1,2}'::int[] END, CASE WHEN n % 500 = 0 THEN 1 ELSE 0 END, CASE WHEN n % 500 = 0 THEN now() END,
       'image-' || n % 4000 || ' ' || ${digest} || ' v1.0.0'
     FROM generate_series(1, $1::int) AS n`,
    [images, JSON.stringify(["v1.0.0"]), Array.from({ length: mirrors }, (_, at) => at + 1)],
  );
  await db.query(
    `INSERT INTO history_image (name, project, last_at) SELECT ${name}, 'project-' || n % 75, to_timestamp(1767225600 + n * 60)
     FROM generate_series(1, least($1::int, 60000)) AS n ON CONFLICT DO NOTHING`,
    [images],
  );
  await db.query(
    `INSERT INTO history_tag (image, tag, digest, run, at)
     SELECT ${name}, 'v1.' || n, ${digest}, n, to_timestamp(1767225600 + n * 60) FROM generate_series(1, $1::int) AS n`,
    [images],
  );
  await db.query(
    `INSERT INTO history_event (image, digest, kind, key, run, at, last_run, last_at, details)
     SELECT ${name}, ${digest}, 'built', n::text, n, to_timestamp(1767225600 + n * 60), n, to_timestamp(1767225600 + n * 60), '{}'
     FROM generate_series(1, $1::int) AS n`,
    [images],
  );
}
