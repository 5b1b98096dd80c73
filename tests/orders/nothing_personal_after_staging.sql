-- No published text is or holds an e-mail address or a phone number with a plus: each row
-- here is a table with a contract, its columns that may do so, and in how many rows.
-- Product names and reviews may hold other digits. Few texts have an @ or a plus: only
-- those are looked at.
-- depends_on: {{ ref('rejected_records') }}
-- depends_on: {{ ref('warnings') }}
-- depends_on: {{ ref('fct_events') }}
-- depends_on: {{ ref('fct_reviews') }}
-- depends_on: {{ ref('customer_profiles') }}
with suspects as (
    {%- for relation, columns in published_texts() %}
    select
        '{{ relation.schema }}.{{ relation.identifier }}' as table_name,
        concat_ws(
            ', '
            {%- for column in columns %},
            case when {{ column }} like '%@%' or {{ column }} like '%+%' then '{{ column }}' end
            {%- endfor %}
        ) as column_names,
        concat_ws(' | ', {{ columns | join(', ') }}) as texts
    from {{ relation }}
    where
        concat_ws('', {{ columns | join(', ') }}) like '%@%'
        or concat_ws('', {{ columns | join(', ') }}) like '%+%'
    union all
    {%- endfor %}
    select
        cast(null as string) as table_name,
        cast(null as string) as column_names,
        cast(null as string) as texts
    where false
)

select
    table_name,
    column_names,
    count(*) as personal_rows
from suspects
where {{ holds_contact('texts') }}
group by
    table_name,
    column_names
