{{ config(materialized="view") }}
-- One row per order that has a line or an amount.
select * from {{ ref('summed_orders') }}
where amount is not null
