{#
  A customer's profile in a sentence or two, from the columns of customer_profiles. What is
  not known is not told. Money is in the shop's currency, and days are in ISO 8601.
#}
{% macro customer_description() -%}
    {%- set longest = setting('horizons') | max -%}
    case segment
        when 'new' then 'New customer'
        when 'active' then 'Active customer'
        when 'loyal' then 'Loyal customer'
        when 'at_risk' then 'Customer at risk'
        when 'lapsed' then 'Lapsed customer'
    end
    || ' (' || replace(rfm_segment, '_', ' ') || ')'
    || case when country <> 'unknown' then ' from ' || country else '' end
    || ': ' || {{ counted('orders', 'order') }} || ' since ' || cast(first_purchase_date as string)
    || case
        when average_order_value is not null
            then ' of about ' || {{ money_text('average_order_value') }}
        else ''
    end
    || case
        when frequency > 1 then ', some ' || {{ counted('cast(round(usual_gap_days) as integer)', 'day') }} || ' apart'
        else ''
    end
    || ', the last on ' || cast(last_purchase_date as string) || '.'
    || coalesce(' Likes ' || top_category || '.', '')
    || coalesce(' Reviews on average ' || cast(cast(rating_mean as decimal(4, 1)) as string) || ' of 5.', '')
    || ' ' || {{ percent_text('chance_of_buying') }} || ' likely to buy within {{ longest }} days'
    || coalesce(', next by ' || cast(next_order_date as string), '')
    || '; expected spend ' || {{ money_text('predicted_spend') }} || '.'
{%- endmacro %}
