"""Which customers are learned from where a shop has more than enough."""


def is_sampled(share: float) -> str:
    """Return the SQL condition by which a customer is in a sample of a share of all.

    Always the same customers are: keys are random, so those below a bound are a sample.
    """
    if share >= 1:
        return "true"
    return f"substr(md5(customer_key),1,6) < '{int(share * 16**6):06x}'"
