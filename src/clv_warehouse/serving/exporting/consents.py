"""Whose consent to a purpose stands, by the feed consents."""

from clv_warehouse.project.macros import sql_of

# A query of the customers whose consent to the parameter `purpose` stands.
AGREED = f"""
    select customer_key
    from ({sql_of("standing_consents", "orders.fct_consents")})
    where purpose = $purpose
"""
