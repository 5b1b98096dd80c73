{{ config(enabled=target.type == 'duckdb') }}
-- No table after staging has a column for a name, an e-mail address or a phone number.
select table_schema, table_name, column_name
from information_schema.columns
where
    table_schema not in ('raw', 'staging')
    and table_catalog = current_database()
    and column_name in ('email', 'full_name', 'phone', 'customer_id')
