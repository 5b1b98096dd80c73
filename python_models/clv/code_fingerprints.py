"""One row per model that is trained: a hash of the code that trains it."""

from clv_warehouse.learning.fingerprints import code_fingerprints


def model(dbt, session):
    dbt.config(materialized="table")
    models = dbt.config.meta_get("models")
    return code_fingerprints(session, models)
