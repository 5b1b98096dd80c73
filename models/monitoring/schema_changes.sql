-- One row per column of a published table that was added, removed or changed its type
-- since the command that made the table before.
with told as (
    select
        build_id,
        number,
        said_at,
        schema_name,
        name as table_name,
        columns,
        lag(columns) over (partition by unique_id order by number) as columns_before
    from {{ ref('build_steps').include(database=false).render() }}
    where is_published and status = 'success'
),

changed as (
    select * from told
    where columns <> columns_before
),

described as (
    {% for columns in ['columns', 'columns_before'] -%}
    select
        build_id,
        number,
        said_at,
        schema_name,
        table_name,
        {{ loop.first | string | lower }} as is_now,
        {{ each_part(columns, '; ') }} as described
    from changed
    {{ "union all" if not loop.last }}
    {% endfor %}
),

read_out as (
    select
        *,
        split_part(described, ' ', 1) as column_name,
        substr(described, length(split_part(described, ' ', 1)) + 2) as data_type
    from described
),

compared as (
    select
        build_id,
        number,
        said_at,
        schema_name,
        table_name,
        column_name,
        max(case when is_now then data_type end) as data_type,
        max(case when not is_now then data_type end) as data_type_before
    from read_out
    group by build_id, number, said_at, schema_name, table_name, column_name
)

select
    build_id,
    said_at,
    schema_name,
    table_name,
    column_name,
    case
        when data_type_before is null then 'added'
        when data_type is null then 'removed'
        else 'type'
    end as change,
    data_type,
    data_type_before
from compared
where
    data_type is null
    or data_type_before is null
    or data_type <> data_type_before
