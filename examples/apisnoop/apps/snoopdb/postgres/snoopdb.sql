create table if not exists audit_event (release text, data jsonb);
