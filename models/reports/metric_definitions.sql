-- One row per metric of models/metrics/metrics.yml: what it means and how it is shown.
{%- set metrics = graph.metrics.values() | sort(attribute='name') if execute else [] %}
{%- for metric in metrics %}
{{ 'union all' if not loop.first }}
select
    '{{ metric.name }}' as metric,
    {{ text_literal(metric.label) }} as label,
    {{ text_literal(metric.description.split() | join(' ')) }} as description,
    '{{ metric.config.meta.format }}' as format
{%- endfor %}
