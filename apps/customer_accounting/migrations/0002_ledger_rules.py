"""What the ledger stands on, kept by the database itself. `TRUNCATE` is left to its owner."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION customer_accounting_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: the ledger is append-only; enter a reversal', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER customer_accounting_entry_append_only
    BEFORE UPDATE OR DELETE ON customer_accounting_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION customer_accounting_refuse_change();

CREATE TRIGGER customer_accounting_posting_append_only
    BEFORE UPDATE OR DELETE ON customer_accounting_posting
    FOR EACH STATEMENT EXECUTE FUNCTION customer_accounting_refuse_change();
"""

NO_APPEND_ONLY = """
DROP TRIGGER customer_accounting_posting_append_only ON customer_accounting_posting;
DROP TRIGGER customer_accounting_entry_append_only ON customer_accounting_journalentry;
DROP FUNCTION customer_accounting_refuse_change();
"""

BALANCED = """
CREATE FUNCTION customer_accounting_refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT entry_id, currency, sum(amount) AS off INTO wrong
    FROM written GROUP BY entry_id, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is out of balance by % %', wrong.entry_id, wrong.off, wrong.currency
            USING ERRCODE = 'check_violation';
    END IF;
    -- Two counts, not a comparison entry by entry: its cost must not depend on a plan that was
    -- made for a batch of another size.
    IF (SELECT count(*) FROM written) <> (
        SELECT count(*) FROM customer_accounting_posting
        WHERE entry_id IN (SELECT entry_id FROM written)
    ) THEN
        RAISE EXCEPTION 'an entry has postings already; all of an entry''s are written at once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER customer_accounting_posting_balanced
    AFTER INSERT ON customer_accounting_posting REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION customer_accounting_refuse_unbalanced();
"""

NOT_BALANCED = """
DROP TRIGGER customer_accounting_posting_balanced ON customer_accounting_posting;
DROP FUNCTION customer_accounting_refuse_unbalanced();
"""

COMPLETE = """
CREATE FUNCTION customer_accounting_refuse_empty() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    empty uuid;
BEGIN
    SELECT id INTO empty FROM written
    WHERE NOT EXISTS (SELECT FROM customer_accounting_posting WHERE entry_id = written.id) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has no postings; write both in one statement', empty
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER customer_accounting_entry_complete
    AFTER INSERT ON customer_accounting_journalentry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION customer_accounting_refuse_empty();
"""

NOT_COMPLETE = """
DROP TRIGGER customer_accounting_entry_complete ON customer_accounting_journalentry;
DROP FUNCTION customer_accounting_refuse_empty();
"""


class Migration(migrations.Migration):
    """Append-only, balanced, complete."""

    dependencies = [("customer_accounting", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, NO_APPEND_ONLY),
        migrations.RunSQL(BALANCED, NOT_BALANCED),
        migrations.RunSQL(COMPLETE, NOT_COMPLETE),
    ]
