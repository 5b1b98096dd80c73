{#
  Rows of a CTE with `duplicate_reason`: null for the one row kept per key, else
  repeated_record (its record is the kept one's) or conflicting_record. Kept is the
  first by order_by, then by record. Rows with a null in their key are all kept.
  Only keys that repeat are sorted, so the cost is one aggregation for clean data.
#}
{% macro mark_duplicates(rows, key, order_by) -%}
    {%- set same_key -%}
    over (partition by {% for column in key %}{{ rows }}.{{ column }}{{ ", " if not loop.last }}{% endfor %}
    order by {{ rows }}.{{ order_by }}, {{ rows }}.record)
    {%- endset -%}
    select
        {{ rows }}.*,
        cast(null as varchar) as duplicate_reason
    from {{ rows }}
    where not exists (
        select 1 from ({{ repeated_keys(rows, key) }}) as repeated_keys
        where {{ same_columns(rows, 'repeated_keys', key) }}
    )
    union all
    select
        {{ rows }}.*,
        case
            when row_number() {{ same_key }} = 1 then null
            when {{ rows }}.record = first_value({{ rows }}.record) {{ same_key }}
                then 'repeated_record'
            else 'conflicting_record'
        end as duplicate_reason
    from {{ rows }}
    inner join ({{ repeated_keys(rows, key) }}) as repeated_keys
        on {{ same_columns(rows, 'repeated_keys', key) }}
{%- endmacro %}

{% macro repeated_keys(rows, key) -%}
    select {{ key | join(', ') }}
    from {{ rows }}
    where {% for column in key %}{{ column }} is not null{{ " and " if not loop.last }}{% endfor %}
    group by {{ key | join(', ') }}
    having count(*) > 1
{%- endmacro %}

{% macro same_columns(one, other, columns) -%}
    {% for column in columns %}{{ one }}.{{ column }} = {{ other }}.{{ column }}{{ " and " if not loop.last }}{% endfor %}
{%- endmacro %}
