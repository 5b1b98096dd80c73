-- A feature is null only where customer_features.yml says that it may be.
{%- set model = graph.nodes.get('model.clv_warehouse.customer_features', {}) %}
{%- set known = [] %}
{%- for column in model.get('columns', {}).values() %}
{%- set meta = column.config.meta %}
{%- if meta.get('reason') and not meta.get('nullable') %}
{%- do known.append(column.name ~ ' is null') %}
{%- endif %}
{%- endfor %}
select * from {{ ref('customer_features') }}
where {{ known | join(' or ') or 'false' }}
