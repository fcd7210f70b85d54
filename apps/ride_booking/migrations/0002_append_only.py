"""A ride's timeline and its receipt are never changed. `TRUNCATE` is left to their owner."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION ride_booking_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: what happened is not changed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER ride_booking_rideevent_append_only
    BEFORE UPDATE OR DELETE ON ride_booking_rideevent
    FOR EACH STATEMENT EXECUTE FUNCTION ride_booking_refuse_change();

CREATE TRIGGER ride_booking_charge_append_only
    BEFORE UPDATE OR DELETE ON ride_booking_charge
    FOR EACH STATEMENT EXECUTE FUNCTION ride_booking_refuse_change();
"""

NO_APPEND_ONLY = """
DROP TRIGGER ride_booking_charge_append_only ON ride_booking_charge;
DROP TRIGGER ride_booking_rideevent_append_only ON ride_booking_rideevent;
DROP FUNCTION ride_booking_refuse_change();
"""


class Migration(migrations.Migration):
    """Append-only."""

    dependencies = [("ride_booking", "0001_initial")]

    operations = [migrations.RunSQL(APPEND_ONLY, NO_APPEND_ONLY)]
