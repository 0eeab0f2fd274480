import type { Migration } from "../database/index.ts";

/** The tables of this room. */
export const accessMigrations: readonly Migration[] = [
  {
    id: "access-0001",
    sql: `
      CREATE TABLE access_person (
        id text PRIMARY KEY,
        provider text NOT NULL,
        issuer text NOT NULL,
        subject text NOT NULL,
        login text NOT NULL,
        shown text NOT NULL,
        groups jsonb NOT NULL,
        seen_at timestamptz NOT NULL,
        UNIQUE (issuer, subject)
      );
      CREATE TABLE access_session (
        hash text PRIMARY KEY,
        person_id text NOT NULL REFERENCES access_person ON DELETE CASCADE,
        made_at timestamptz NOT NULL,
        used_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL
      );
      CREATE INDEX access_session_by_end ON access_session (ends_at);
      CREATE TABLE access_token (
        id text PRIMARY KEY,
        hash text NOT NULL UNIQUE,
        name text NOT NULL,
        role text NOT NULL,
        jobs jsonb,
        person_id text REFERENCES access_person ON DELETE CASCADE,
        made_by text NOT NULL,
        made_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        used_at timestamptz,
        used_from text,
        revoked_at timestamptz
      );
      CREATE INDEX access_token_by_end ON access_token (ends_at);
      CREATE TABLE access_shown_token (
        issuer text NOT NULL,
        jti text NOT NULL,
        ends_at timestamptz NOT NULL,
        PRIMARY KEY (issuer, jti)
      );
      CREATE TABLE audit_entry (
        number bigint PRIMARY KEY,
        entry text NOT NULL,
        hash text NOT NULL
      );
      CREATE INDEX audit_entry_by_subject ON audit_entry ((entry::jsonb ->> 'subject'), number);
      CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit log is appended to, and nothing else'; END
      $$;
      CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays();
    `,
  },
  {
    id: "access-0002",
    sql: `
      CREATE INDEX audit_entry_by_act ON audit_entry ((entry::jsonb ->> 'act'), number);
      CREATE INDEX audit_entry_by_who ON audit_entry ((entry::jsonb #>> '{who,id}'), number);
      CREATE INDEX access_session_by_person ON access_session (person_id);
      CREATE INDEX access_token_by_person ON access_token (person_id);
    `,
  },
  {
    id: "access-0003",
    sql: `
      ALTER TABLE access_session ALTER COLUMN person_id DROP NOT NULL;
      ALTER TABLE access_session ADD COLUMN token_id text REFERENCES access_token ON DELETE CASCADE;
      ALTER TABLE access_session ADD CHECK (num_nonnulls(person_id, token_id) = 1);
      CREATE INDEX access_session_by_token ON access_session (token_id);
    `,
  },
  {
    id: "access-0004",
    sql: `
      CREATE TABLE audit_check (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        at timestamptz NOT NULL,
        until jsonb,
        noted jsonb,
        done_at timestamptz,
        whole_at timestamptz,
        whole_until bigint,
        fault jsonb
      );
    `,
  },
];
