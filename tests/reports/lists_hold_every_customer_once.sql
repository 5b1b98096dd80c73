-- Every customer is on one list of each kind of segment, every list that has customers is
-- described, and the customers at risk are on their list with the money of value_at_risk.
{{ config(enabled=setting('smallest_group') == 1) }}
with profiles as (
    select
        count(*) as customers,
        coalesce(sum(case when segment = 'at_risk' then spend_365d end), 0) as at_risk_spend
    from {{ ref('customer_profiles') }}
),

lists as (
    select * from {{ ref('customer_lists') }}
),

by_kind as (
    select
        list_kind,
        count(*) as members
    from {{ ref('list_members') }}
    where list_kind in ('lifecycle', 'rfm')
    group by list_kind
)

select
    by_kind.list_kind as thing,
    by_kind.members as found,
    profiles.customers as expected
from by_kind
cross join profiles
where by_kind.members <> profiles.customers

union all

select
    'described' as thing,
    (select sum(lists.customers) from lists) as found,
    count(*) as expected
from {{ ref('list_members') }}
having coalesce((select sum(lists.customers) from lists), 0) <> count(*)

union all

select
    'at_risk' as thing,
    lists.money_at_stake as found,
    profiles.at_risk_spend as expected
from lists
cross join profiles
where
    lists.list_kind = 'lifecycle'
    and lists.list = 'at_risk'
    and lists.money_at_stake <> profiles.at_risk_spend
