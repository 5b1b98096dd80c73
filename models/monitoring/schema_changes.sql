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

columns_now as (
    select
        number,
        schema_name,
        table_name,
        {{ each_part('columns', '; ') }} as described
    from changed
),

columns_before as (
    select
        number,
        schema_name,
        table_name,
        {{ each_part('columns_before', '; ') }} as described
    from changed
),

found as (
    select
        *,
        split_part(described, ' ', 1) as column_name,
        substr(described, length(split_part(described, ' ', 1)) + 2) as data_type
    from columns_now
),

lost as (
    select
        *,
        split_part(described, ' ', 1) as column_name,
        substr(described, length(split_part(described, ' ', 1)) + 2) as data_type
    from columns_before
),

compared as (
    select
        coalesce(found.number, lost.number) as number,
        coalesce(found.schema_name, lost.schema_name) as schema_name,
        coalesce(found.table_name, lost.table_name) as table_name,
        coalesce(found.column_name, lost.column_name) as column_name,
        found.data_type,
        lost.data_type as data_type_before
    from found
    full outer join lost
        on
            found.number = lost.number
            and found.schema_name = lost.schema_name
            and found.table_name = lost.table_name
            and found.column_name = lost.column_name
)

select
    changed.build_id,
    changed.said_at,
    compared.schema_name,
    compared.table_name,
    compared.column_name,
    case
        when compared.data_type_before is null then 'added'
        when compared.data_type is null then 'removed'
        else 'type'
    end as change,
    compared.data_type,
    compared.data_type_before
from compared
inner join changed
    on
        compared.number = changed.number
        and compared.schema_name = changed.schema_name
        and compared.table_name = changed.table_name
where
    compared.data_type is null
    or compared.data_type_before is null
    or compared.data_type <> compared.data_type_before
