{#
  The rows of a table with a duplicate_reason: null for the one row kept of a key,
  repeated_record for a row that says the same, conflicting_record for one that differs.
  It keeps the first row by order_by, then by content, and all rows with a null in their
  key. Only rows whose key has a repeated hash are sorted, so clean data cost one
  aggregation.
#}
{% macro mark_duplicates(relation, content_columns, key, order_by) -%}
    {%- set content = row_json(content_columns) -%}
    {%- set same_key -%}
    over (partition by {{ key | join(', ') }} order by {{ order_by }} nulls last, {{ content }})
    {%- endset -%}
    with repeated_keys as (
        select {{ key_hash(key) }} as repeated_hash
        from {{ relation }}
        where {{ key | join(' is not null and ') }} is not null
        group by {{ key_hash(key) }}
        having count(*) > 1
    ),

    marked_rows as (
        select
            {{ content_columns | join(', ') }},
            cast(null as string) as duplicate_reason
        from {{ relation }}
        left join repeated_keys on {{ key_hash(key) }} = repeated_keys.repeated_hash
        where repeated_keys.repeated_hash is null
        union all
        select
            {{ content_columns | join(', ') }},
            case
                when row_number() {{ same_key }} = 1 then null
                when {{ content }} = first_value({{ content }}) {{ same_key }}
                    then 'repeated_record'
                else 'conflicting_record'
            end as duplicate_reason
        from {{ relation }}
        inner join repeated_keys on {{ key_hash(key) }} = repeated_keys.repeated_hash
    )

    select * from marked_rows
{%- endmacro %}

{# Some columns of a row as one JSON object. #}
{% macro row_json(columns) -%}
    {%- set named = {} -%}
    {%- for column in columns -%}
        {%- do named.update({column: column}) -%}
    {%- endfor -%}
    {{ json_object(named) }}
{%- endmacro %}
