"""Whose consent to a purpose stands, by the feed consents."""

# A query of the customers who agreed to the parameter `purpose` and did not withdraw
# that since.
AGREED = """
    select customer_key
    from orders.fct_consents
    where purpose = $purpose
    group by customer_key
    having
        max(withdrawn_at) is null
        or max(given_at) > max(withdrawn_at)
"""
