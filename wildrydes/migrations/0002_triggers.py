"""The parts of the kernel's tables that Django's models cannot say.

Every inserted message is entered in `unrouted` and wakes the relay, in the publisher's own
transaction and without another round trip; messages cannot be changed; and the two tables that
live like queues are vacuumed by number of dead rows, not by share of a table that is empty.
"""

from django.db import migrations

ROUTE_NEW_MESSAGES = """
CREATE FUNCTION wildrydes_enter_unrouted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wildrydes_unrouted (due_at, position)
    SELECT coalesce(not_before, 'epoch'), position FROM added;
    PERFORM pg_notify('wildrydes_relay', '');
    RETURN NULL;
END $$;

CREATE TRIGGER wildrydes_enter_unrouted
AFTER INSERT ON wildrydes_message REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION wildrydes_enter_unrouted();
"""

REFUSE_CHANGES = """
CREATE FUNCTION wildrydes_refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'messages are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER wildrydes_refuse_update
BEFORE UPDATE ON wildrydes_message
FOR EACH STATEMENT EXECUTE FUNCTION wildrydes_refuse_update();
"""

VACUUM_LIKE_QUEUES = """
ALTER TABLE wildrydes_unrouted SET (autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 20000);
ALTER TABLE wildrydes_dispatch SET (autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 20000, fillfactor = 70);
"""


class Migration(migrations.Migration):
    dependencies = [("wildrydes", "0001_kernel_tables")]

    operations = [
        migrations.RunSQL(ROUTE_NEW_MESSAGES, "DROP FUNCTION wildrydes_enter_unrouted() CASCADE"),
        migrations.RunSQL(REFUSE_CHANGES, "DROP FUNCTION wildrydes_refuse_update() CASCADE"),
        migrations.RunSQL(
            VACUUM_LIKE_QUEUES,
            "ALTER TABLE wildrydes_unrouted RESET (autovacuum_vacuum_scale_factor)",
        ),
    ]
