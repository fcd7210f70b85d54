"""What happened to a payment is never changed. `TRUNCATE` is left to the table's owner."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION customer_payment_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: what happened is not changed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER customer_payment_event_append_only
    BEFORE UPDATE OR DELETE ON customer_payment_paymentevent
    FOR EACH STATEMENT EXECUTE FUNCTION customer_payment_refuse_change();

CREATE TRIGGER customer_payment_refund_append_only
    BEFORE UPDATE OR DELETE ON customer_payment_refund
    FOR EACH STATEMENT EXECUTE FUNCTION customer_payment_refuse_change();
"""

NO_APPEND_ONLY = """
DROP TRIGGER customer_payment_refund_append_only ON customer_payment_refund;
DROP TRIGGER customer_payment_event_append_only ON customer_payment_paymentevent;
DROP FUNCTION customer_payment_refuse_change();
"""


class Migration(migrations.Migration):
    """Append-only."""

    dependencies = [("customer_payment", "0001_initial")]

    operations = [migrations.RunSQL(APPEND_ONLY, NO_APPEND_ONLY)]
