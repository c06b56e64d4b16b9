-- Two roles: chatter_owner changes the schema (migrations, backups), chatter_app reads and writes rows and nothing else.
-- Run by the superuser in the application's database; again to give the roles other passwords. Needs in the
-- environment OWNER_PASSWORD_FILE and APP_PASSWORD_FILE; the passwords themselves stand in no command line.
\set ON_ERROR_STOP on
\set QUIET on
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set app_password `cat "$APP_PASSWORD_FILE"`

SELECT length(:'owner_password') < 16 OR length(:'app_password') < 16 AS missing \gset
\if :missing
    \warn 'OWNER_PASSWORD_FILE and APP_PASSWORD_FILE must name files with passwords of 16 characters or more'
    DO $$ BEGIN RAISE EXCEPTION 'no passwords'; END $$;
\endif

-- Statements with passwords reach no log.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I', name) FROM (VALUES ('chatter_owner'), ('chatter_app')) AS wanted (name)
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
-- CREATEDB: the test of a backup restores it into a database beside this one.
ALTER ROLE chatter_owner LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE chatter_app LOGIN NOCREATEDB NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'app_password';
-- A query that hangs must not hold a connection for ever; the app's own limit is 15 s.
ALTER ROLE chatter_app SET statement_timeout = '20s';
ALTER ROLE chatter_app SET idle_in_transaction_session_timeout = '30s';

SELECT format('ALTER DATABASE %I OWNER TO chatter_owner', current_database()) \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO chatter_app', current_database()) \gexec

ALTER SCHEMA public OWNER TO chatter_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO chatter_app;

-- What is there, from before these roles were, and what migrations will add.
SELECT format('ALTER %s public.%I OWNER TO chatter_owner', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relname)
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
       OR relnamespace = 'public'::regnamespace AND relkind = 'S'
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i')) \gexec
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO chatter_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO chatter_app;
ALTER DEFAULT PRIVILEGES FOR ROLE chatter_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO chatter_app;
ALTER DEFAULT PRIVILEGES FOR ROLE chatter_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO chatter_app;
