"""A caller who is remembered is confirmed in one statement, which fails where anything changed."""

from django.db import migrations

CONFIRM = """
CREATE FUNCTION identity_confirm(
    of_digest text, of_user bigint, of_name text, of_role text, of_customer text, of_fleet text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM knox_authtoken AS token JOIN identity_user AS owner ON owner.id = token.user_id
    WHERE token.digest = of_digest
        AND (token.expiry IS NULL OR token.expiry > clock_timestamp())
        AND owner.is_active AND owner.id = of_user
        AND owner.username = of_name AND owner.role = of_role AND owner.fleet = of_fleet
        AND owner.customer IS NOT DISTINCT FROM of_customer;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the caller is not who they were remembered as' USING ERRCODE = 'WR001';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("identity", "0001_initial"), ("knox", "0009_extend_authtoken_field")]

    operations = [migrations.RunSQL(CONFIRM, "DROP FUNCTION identity_confirm")]
