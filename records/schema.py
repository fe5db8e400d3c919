"""Tables of the journal. Rows are added, never changed: triggers refuse UPDATE, DELETE and replacement.

Every intent, outcome and resolution has an audit row of the same `seq` whose body carries the row's digest, so that
the hash chain over the audit bodies covers them too. `kind` and `batch` of an audit row repeat its body, for the
index; `records.verify` compares them.
"""

from __future__ import annotations

TABLES = ("audit", "intent", "outcome", "resolution", "head")

_CREATE = """
CREATE TABLE IF NOT EXISTS audit(
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  batch TEXT NOT NULL,
  body TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_batch ON audit(batch, kind, seq);
CREATE TABLE IF NOT EXISTS intent(
  seq INTEGER PRIMARY KEY REFERENCES audit(seq),
  id TEXT NOT NULL UNIQUE,
  batch TEXT NOT NULL,
  phase TEXT NOT NULL,
  device TEXT NOT NULL,
  device_serial TEXT NOT NULL,
  device_kind TEXT NOT NULL CHECK(device_kind IN ('real', 'sim')),
  cls TEXT NOT NULL CHECK(cls IN ('S', 'C', 'P', 'M', 'X')),
  verb TEXT NOT NULL,
  args TEXT NOT NULL,
  rule TEXT NOT NULL,
  pre TEXT NOT NULL,
  token INTEGER NOT NULL,
  retry_of TEXT REFERENCES intent(id),
  actor TEXT NOT NULL,
  code_version TEXT NOT NULL,
  boot TEXT NOT NULL,
  utc TEXT NOT NULL,
  mono_ns INTEGER NOT NULL,
  late INTEGER NOT NULL DEFAULT 0 CHECK(late IN (0, 1))) STRICT;
CREATE INDEX IF NOT EXISTS intent_by_batch ON intent(batch, seq);
CREATE TABLE IF NOT EXISTS outcome(
  intent TEXT PRIMARY KEY REFERENCES intent(id),
  seq INTEGER NOT NULL UNIQUE REFERENCES audit(seq),
  state TEXT NOT NULL CHECK(state IN ('DONE', 'NOT_DONE', 'UNKNOWN')),
  origin TEXT NOT NULL CHECK(origin IN ('reply', 'evidence', 'reconcile')),
  reply TEXT NOT NULL,
  post TEXT NOT NULL,
  reason TEXT NOT NULL,
  boot TEXT NOT NULL,
  utc TEXT NOT NULL,
  mono_ns INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS resolution(
  intent TEXT PRIMARY KEY REFERENCES outcome(intent),
  seq INTEGER NOT NULL UNIQUE REFERENCES audit(seq),
  verdict TEXT NOT NULL CHECK(verdict IN ('done', 'not_done', 'discard')),
  signature TEXT NOT NULL CHECK(signature <> ''),
  reason TEXT NOT NULL CHECK(reason <> ''),
  utc TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS head(
  seq INTEGER PRIMARY KEY REFERENCES audit(seq),
  hash TEXT NOT NULL,
  key_id TEXT NOT NULL,
  sig BLOB NOT NULL,
  utc TEXT NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS audit_in_order BEFORE INSERT ON audit
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
  BEGIN SELECT RAISE(ABORT, 'audit rows follow one another without gap'); END;
CREATE TRIGGER IF NOT EXISTS outcome_once BEFORE INSERT ON outcome
  WHEN EXISTS (SELECT 1 FROM outcome WHERE intent = NEW.intent)
  BEGIN SELECT RAISE(ABORT, 'this intent has an outcome already'); END;
CREATE TRIGGER IF NOT EXISTS resolution_once BEFORE INSERT ON resolution
  WHEN EXISTS (SELECT 1 FROM resolution WHERE intent = NEW.intent)
  BEGIN SELECT RAISE(ABORT, 'this intent has been resolved already'); END;
CREATE TRIGGER IF NOT EXISTS resolution_of_doubt BEFORE INSERT ON resolution
  WHEN 'UNKNOWN' IS NOT (SELECT state FROM outcome WHERE intent = NEW.intent)
  BEGIN SELECT RAISE(ABORT, 'only an UNKNOWN outcome is resolved'); END;
"""

_GUARD = """
CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table}
  BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END;
CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table}
  BEGIN SELECT RAISE(ABORT, '{table} rows are never deleted'); END;
"""

SCHEMA = _CREATE + "".join(_GUARD.format(table=table) for table in TABLES)
