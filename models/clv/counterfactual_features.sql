-- One row per customer and scenario: the columns of customer_features, as they would be.
{%- set known = {
    'visits': 'customer_visits', 'reviews': 'customer_reviews', 'contacts': 'customer_contacts',
} %}
with histories as (
    select * from {{ ref('counterfactual_histories') }}
),

moments as (
    select distinct
        customer_key,
        as_of_date
    from histories
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- Whatever comes after the scoring date is not known, however late the moment is.
{% for name, table in known.items() -%}
{{ name }} as (
    select happened.*
    from {{ ref(table) }} as happened
    inner join scoring on happened.activity_date <= scoring.as_of_date
),

{% endfor -%}
accounts as (
    select accounts.*
    from {{ ref('account_features') }} as accounts
    inner join scoring on accounts.known_from <= scoring.as_of_date
),

purchases as (
    {{ purchase_features('histories', ref('counterfactual_days'), 'scenario') }}
),

browsing_features as (
    {{ browsing_features('moments', 'visits') }}
),

review_features as (
    {{ review_features('moments', 'reviews') }}
),

contact_features as (
    {{ contact_features('moments', 'contacts') }}
)

{{ customer_features(
    'purchases', 'browsing_features', 'review_features', 'accounts', 'contact_features'
) }}
where purchases.frequency > 0
