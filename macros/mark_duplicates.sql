{#
  A relation's rows with `duplicate_reason`: null for the one row kept per key, else
  repeated_record (it says what the kept row says) or conflicting_record. Kept is the
  first by order_by, then by content. Rows with a null in their key are all kept. Keys
  that may repeat are found by their hash, and only their rows are sorted, so clean
  data costs one aggregation.
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

{# Some of a row's columns as JSON. #}
{% macro row_json(columns) -%}
    {%- set named = {} -%}
    {%- for column in columns -%}
        {%- do named.update({column: column}) -%}
    {%- endfor -%}
    {{ json_object(named) }}
{%- endmacro %}
