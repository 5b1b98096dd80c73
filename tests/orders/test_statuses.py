"""Tests what the seed order_statuses says of the statuses that shops write."""

import duckdb
import pytest

from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.places import ROOT

SEED = ROOT / "seeds" / "reference" / "order_statuses.csv"
STATUSES = {
    "sale": [
        *("paid", "Paid", "partially_paid", "partially_refunded", "Partial refund"),
        *("wc-processing", "Completed", "complete", "Payment accepted", "succeeded"),
        *("Shipped", "PartiallyShipped", "Unshipped", "Awaiting Fulfillment"),
        *("Awaiting Shipment", "Awaiting Pickup", "On backorder (paid)", "delivered"),
        *(
            "Shipped - Delivered to Buyer",
            "invoiced",
            "refund declined",
            "not refunded",
        ),
        *("Partially cancelled", "paypal_canceled_reversal", "Order completed"),
        *("bezahlt", "Versandt", "Teilweise erstattet", "In Bearbeitung"),
        *("Payée", "expédié", "livrée", "Terminée", "partiellement remboursé"),
        *("Pagado", "Enviado", "pagato", "spedito", "Pago", "Concluído", "entregue"),
        *("betaald", "Verzonden", "In behandeling", "gedeeltelijk terugbetaald"),
    ],
    "not_yet": [
        *("pending", "Pending payment", "wc-pending", "payment_review", "ON_HOLD"),
        *("OnHold", "holded", "authorized", "Awaiting Payment", "unpaid", "not paid"),
        *("requires_payment_method", "Awaiting bank wire payment", "Disputed"),
        *("Manual Verification Required", "Zahlung ausstehend", "Warten auf Zahlung"),
        *("en attente de paiement", "Pendiente de pago", "in attesa", "não pago"),
        *(
            "Aguardando pagamento",
            "wacht op betaling",
            "onbetaald",
            "PendingAvailability",
        ),
    ],
    "never": [
        *("cancelled", "Canceled by customer", "cancelled_by_merchant"),
        *("order cancelled", "CANCELED", "auto-cancelled", "voided", "Declined"),
        *(
            "failed",
            "Payment failed",
            "payment error",
            "expired",
            "trash",
            "auto-draft",
        ),
        *("checkout-draft", "abandoned", "Fraud", "Suspected fraud", "unavailable"),
        *("Storniert", "fehlgeschlagen", "Annulée", "échouée", "Cancelado", "anulado"),
        *("annullato", "Rifiutato", "recusado", "Geannuleerd", "mislukt", "Anulowane"),
    ],
    "refunded": [
        *("refunded", "wc-refunded", "Fully refunded", "closed", "returned"),
        *("chargeback", "Charged back", "reversed", "Shipped - Returned to Seller"),
        *("Shipped - Rejected by Buyer", "Rückerstattet", "Retourniert", "Remboursé"),
        *("Reembolsado", "devuelto", "Rimborsata", "Reso", "estornado"),
        *("Terugbetaald", "geretourneerd"),
    ],
    "test": ["test", "Test order", "TEST_ORDER", "Testbestellung", "paid (test)"],
    None: ["gift", "purple", "17", "undelivered", "latest"],
}


@pytest.mark.parametrize("meaning", STATUSES, ids=str)
def test_the_seed_knows_the_statuses_of_the_platforms(meaning: str | None) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create table described as from '{SEED}'")
        connection.execute("create table found (status varchar)")
        connection.executemany(
            "insert into found values (?)", [[status] for status in STATUSES[meaning]]
        )
        read = sql_of("status_meanings", "found", "described")
        rows = connection.sql(read).fetchall()
    assert {status: given for status, _, given, _ in rows} == dict.fromkeys(
        STATUSES[meaning], meaning
    )
