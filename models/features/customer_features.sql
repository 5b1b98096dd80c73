-- One row per customer and as-of date: what was known of the customer at the end of
-- that day. A part per kind of knowledge. Every known customer has purchases; the other
-- parts have no row of customers of whom they know nothing, and these count as 0.
select
    purchases.*,
    coalesce(browsing.views_30d, 0) as views_30d,
    coalesce(browsing.carts_30d, 0) as carts_30d,
    coalesce(browsing.sessions_30d, 0) as sessions_30d,
    browsing.days_since_seen,
    coalesce(reviews.reviews, 0) as reviews,
    reviews.rating_mean,
    reviews.rating_last,
    accounts.acquisition_channel,
    coalesce(contacts.contacts_30d, 0) as contacts_30d,
    coalesce(contacts.contacts_90d, 0) as contacts_90d,
    contacts.days_since_contact
from {{ ref('purchase_features') }} as purchases
left join {{ ref('browsing_features') }} as browsing
    on
        purchases.customer_key = browsing.customer_key
        and purchases.as_of_date = browsing.as_of_date
left join {{ ref('review_features') }} as reviews
    on
        purchases.customer_key = reviews.customer_key
        and purchases.as_of_date = reviews.as_of_date
left join {{ ref('account_features') }} as accounts
    on
        purchases.customer_key = accounts.customer_key
        and purchases.as_of_date >= accounts.known_from
left join {{ ref('contact_features') }} as contacts
    on
        purchases.customer_key = contacts.customer_key
        and purchases.as_of_date = contacts.as_of_date
