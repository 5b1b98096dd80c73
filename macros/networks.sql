{#
  Whether a row of a table of networks still holds the network that was judged:
  learning/registry.py gives it the same digest. Rows from before networks had one have a
  version that ends with eight letters of the digest of their weights.
#}
{% macro network_is_intact(networks) -%}
    {%- set of_weights = sha256_of(networks ~ '.weights') -%}
    {%- set all = [of_weights, networks ~ '.config', networks ~ '.prior'] -%}
    case
        when {{ networks }}.digest is null
            then substr({{ of_weights }}, 1, 8) = substr(
                {{ networks }}.network_version, length({{ networks }}.network_version) - 7
            )
        else {{ networks }}.digest = {{ sha256_of(all | join(" || '|' || ")) }}
    end
{%- endmacro %}
