{#
  The metrics of models/metrics/metrics.yml over one model: a dict from a metric's name
  to an aggregate over the model's columns, in the order of the names. Empty while dbt
  only parses. clv_warehouse.project.metrics reads the same definitions for Superset;
  tests hold that both give the same values.

  Args:
    model: the model's name.
#}
{% macro metrics_over(model) -%}
    {%- set measures = {} -%}
    {%- set expressions = {} -%}
    {%- set aggregates = {
        'sum': 'sum(%s)',
        'average': 'avg(%s)',
        'min': 'min(%s)',
        'max': 'max(%s)',
        'count': 'count(%s)',
        'count_distinct': 'count(distinct %s)',
    } -%}
    {%- if execute -%}
        {%- for semantic_model in graph.semantic_models.values() -%}
            {%- if semantic_model.node_relation.alias == model -%}
                {%- for measure in semantic_model.measures -%}
                    {%- set aggregate = aggregates[measure.agg] % (measure.expr or measure.name) -%}
                    {%- do measures.update({measure.name: aggregate}) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set metrics = graph.metrics.values() | sort(attribute='name') -%}
        {%- set simple = {} -%}
        {%- for metric in metrics if metric.type == 'simple' -%}
            {%- set measure = metric.type_params.measure.name -%}
            {%- if measure in measures -%}
                {%- do simple.update({metric.name: measures[measure]}) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for metric in metrics -%}
            {%- if metric.name in simple -%}
                {%- do expressions.update({metric.name: simple[metric.name]}) -%}
            {%- elif metric.type == 'ratio' and metric.type_params.numerator.name in simple -%}
                {%- do expressions.update({metric.name:
                    '1e0 * ' ~ simple[metric.type_params.numerator.name]
                    ~ ' / nullif(' ~ simple[metric.type_params.denominator.name] ~ ', 0)'
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(expressions) }}
{%- endmacro %}
