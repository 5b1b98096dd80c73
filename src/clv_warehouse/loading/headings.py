"""Names that exports give to the columns of the feeds, in several languages.

Every name is written as `words_of` writes a heading. The first of a column's names that
a file has is the likeliest.
"""

import re
import unicodedata
from difflib import get_close_matches

from clv_warehouse.loading.feeds import Feed

# The columns of orders and of lines are told apart by these names alone, since many
# exports hold both in one file.
HEADINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "orders": {
        "order_id": (
            *("order id", "orderid", "order no", "order nr", "order number", "order"),
            *("amazon order id", "increment id", "transaction id", "invoice"),
            *("invoice no", "invoice number", "order name", "reference", "receipt no"),
            *("bestellnummer", "bestell nr", "bestellnr", "bestellung", "bestell id"),
            *("auftragsnummer", "auftrag", "auftragsnr", "auftrags nr", "beleg nr"),
            *("belegnummer", "rechnungsnummer", "rechnungsnr", "rechnung", "beleg"),
            *("vorgangsnummer", "numero de commande", "n commande", "no commande"),
            *("commande", "id commande", "reference commande", "numero de pedido"),
            *(
                "pedido",
                "id pedido",
                "n pedido",
                "numero ordine",
                "ordine",
                "id ordine",
            ),
            *("n ordine", "bestelnummer", "ordernummer", "order nummer", "bestelling"),
            *("id", "number", "name", "nr", "nummer"),
        ),
        "customer_id": (
            *("customer id", "customerid", "client id", "user id", "buyer id"),
            *("customer no", "customer number", "customer nr", "member id"),
            *("kundennummer", "kunden nr", "kundennr", "kunden id", "kundenid"),
            *("debitor", "debitorennummer", "id client", "numero client", "n client"),
            *("id cliente", "numero cliente", "codice cliente", "klantnummer"),
            *("klant id", "customer email", "email", "e mail", "mail", "buyer email"),
            *("billing email", "customer e mail", "email address", "e mail adresse"),
            *("email adresse", "kunden email", "kunden e mail", "adresse email"),
            *("courriel", "correo electronico", "correo", "indirizzo email"),
            *("emailadres", "e mailadres", "email billing"),
            *("kunde", "customer", "client", "cliente", "klant", "kaufer", "buyer"),
            *(
                "customer account",
                "account id",
                "account",
                "shopper id",
                "kunden nummer",
                "kundenkonto",
                "client no",
                "besteller",
                "loyalty id",
                "person id",
                "shopper",
                "phone",
                "telefon",
                "kundenname",
                "customer name",
                "customer user",
            ),
        ),
        "ordered_at": (
            *(
                "order date",
                "ordered at",
                "purchase date",
                "date created",
                "created at",
            ),
            *(
                "created",
                "order time",
                "order created at",
                "date purchased",
                "placed at",
            ),
            *("purchased at", "order placed", "order datetime", "created utc"),
            *("invoice date", "invoicedate", "transaction date", "bestelldatum"),
            *("bestellt am", "auftragsdatum", "kaufdatum", "rechnungsdatum"),
            *("belegdatum", "erstellt am", "date de commande", "date commande"),
            *("date de la commande", "fecha de pedido", "fecha del pedido", "fecha"),
            *("fecha pedido", "data ordine", "data dell ordine", "data", "besteldatum"),
            *("orderdatum", "date", "datum", "day", "tag", "time", "timestamp"),
            *(
                "order creation date",
                "creation date",
                "purchase time",
                "purchased on",
                "sale date",
                "datetime",
                "date time",
                "transaction time",
                "bestellzeitpunkt",
                "zeitpunkt",
                "zeitstempel",
                "datum uhrzeit",
                "datum zeit",
                "date achat",
                "date d achat",
                "gekauft am",
                "paid at",
                "bezahlt am",
                "created date utc",
                "date add",
            ),
        ),
        "updated_at": (
            *("updated at", "last updated date", "last updated", "modified at"),
            *("date modified", "last modified", "geandert am", "aktualisiert am"),
            *("zuletzt geandert", "date de modification", "date upd", "changed at"),
        ),
        "status": (
            *("order status", "status", "financial status", "payment status", "state"),
            *("order state", "event type", "bestellstatus", "auftragsstatus"),
            *("zahlungsstatus", "statut", "etat", "statut de la commande", "estado"),
            *("estado del pedido", "stato", "stato ordine", "orderstatus"),
            *("order state name", "zustand", "bearbeitungsstatus", "lieferstatus"),
            "current state",
        ),
        "currency": (
            *("currency", "currency code", "order currency", "base currency code"),
            *("wahrung", "waehrung", "devise", "monnaie", "moneda", "divisa", "valuta"),
        ),
        "amount": (
            *("grand total base", "grand total", "order total", "total price", "total"),
            *("order total amount", "total amount", "total incl tax", "total inc tax"),
            *("total tax incl", "total collected", "gross sales", "amount", "revenue"),
            *("net sales", "sum", "total paid", "total paid tax incl", "n revenue"),
            *("gesamtbetrag", "gesamtsumme", "bestellsumme", "gesamt", "summe"),
            *("bruttobetrag", "brutto", "rechnungsbetrag", "betrag", "umsatz"),
            *("endbetrag", "warenwert", "total ttc", "montant total", "montant"),
            *("montant ttc", "total commande", "importe total", "importe", "totale"),
            *("importo", "importo totale", "totaal", "totaalbedrag", "bedrag"),
            *("total pedido", "value", "dollar value", "price"),
            *(
                "bestellwert",
                "auftragswert",
                "gesamtwert",
                "rechnungssumme",
                "gesamtbetrag brutto",
                "summe brutto",
                "betrag brutto",
                "gesamt brutto",
                "bruttosumme",
                "zahlbetrag",
                "bezahlter betrag",
                "order value",
                "order amount",
                "sales",
                "total sales",
                "amount paid",
                "total order value",
                "order total price",
                "montant paye",
                "importe pagado",
                "preis",
                "gesamtpreis",
                "nettobetrag",
                "netto",
            ),
        ),
        "discount_amount": (
            *("discount amount", "order discount", "discounts", "total discounts"),
            *("cart discount amount", "discount total", "discount", "coupon amount"),
            *("rabatt", "rabattbetrag", "gutschein", "nachlass", "remise", "reduction"),
            *("descuento", "sconto", "korting"),
            *("rabattwert", "gesamtrabatt", "preisnachlass", "cart discount"),
        ),
        "shipping_amount": (
            *("shipping", "shipping amount", "shipping and handling", "shipping price"),
            *("order shipping amount", "shipping total", "shipping cost", "postage"),
            *("delivery fee", "freight", "shipping fee", "versandkosten", "versand"),
            *("porto", "lieferkosten", "frais de port", "livraison", "gastos de envio"),
            *("envio", "spese di spedizione", "spedizione", "verzendkosten"),
            *(
                "versandkosten brutto",
                "versandgebuhr",
                "shipping charge",
                "shipping charges",
                "delivery",
                "delivery cost",
            ),
        ),
        "tax_amount": (
            *("tax amount", "taxes", "tax", "total tax", "order total tax amount"),
            *("order tax", "tax total", "vat", "vat amount", "mwst", "mehrwertsteuer"),
            *("ust", "umsatzsteuer", "steuer", "steuerbetrag", "tva", "iva", "btw"),
        ),
        "tip_amount": (
            "tip",
            "tips",
            "tip amount",
            "total tip",
            "trinkgeld",
            "pourboire",
        ),
        "refunded_amount": (
            *("total refunded", "refunded amount", "amount refunded", "refund amount"),
            *("order refund amount", "partial refunds", "refunded", "refund total"),
            *("erstattet", "erstattung", "erstatteter betrag", "ruckerstattung"),
            *("gutschrift", "rembourse", "montant rembourse", "reembolsado"),
            *("rimborsato", "terugbetaald"),
            *("ruckerstattet", "ruckzahlung", "erstattungsbetrag", "retourenwert"),
            "refund",
        ),
        "coupon_code": (
            *("coupon code", "coupon", "discount code", "voucher code", "promo code"),
            *("promotion code", "voucher", "coupon codes", "coupons", "promotion ids"),
            *("gutscheincode", "rabattcode", "aktionscode", "code promo"),
            *("codigo de descuento", "codice sconto", "kortingscode"),
        ),
        "sales_channel": (
            *("sales channel", "order source", "channel", "source name", "store name"),
            *("order channel", "verkaufskanal", "vertriebskanal", "canal de vente"),
            *("canal de venta", "canale di vendita", "verkoopkanaal"),
        ),
        "tags": ("tags", "order tags", "labels", "schlagworte", "etiquettes"),
        "utm_source": ("utm source", "traffic source", "visit source"),
        "utm_medium": ("utm medium", "traffic medium", "visit medium"),
        "utm_campaign": ("utm campaign", "traffic campaign", "visit campaign"),
        "click_id": ("click id", "gclid", "fbclid", "msclkid", "ttclid"),
    },
    "order_lines": {
        "line_number": (
            *("line number", "line no", "line", "position", "pos", "item number"),
            *("order item id", "item", "positionsnummer", "ligne", "linea", "riga"),
        ),
        "product_id": (
            *("sku", "lineitem sku", "product sku", "product id", "productid"),
            *("item sku", "article number", "stock code", "stockcode", "item id"),
            *("variant sku", "asin", "product code", "artikelnummer", "artikel nr"),
            *("artikelnr", "art nr", "artnr", "produktnummer", "produkt id"),
            *("reference produit", "ref produit", "id produit", "code article"),
            *("referencia", "codigo", "id producto", "codice articolo", "codice"),
            *("codice prodotto", "productnummer", "product", "lineitem name"),
            *("product name", "item name", "article", "artikel", "produkt"),
            *("bezeichnung", "artikelbezeichnung", "produit", "producto", "articulo"),
            *("prodotto", "articolo"),
            *(
                "item",
                "artikel nummer",
                "produkt nr",
                "produktnr",
                "item no",
                "item number",
                "article no",
                "article id",
                "artikel id",
            ),
        ),
        "quantity": (
            *("quantity", "lineitem quantity", "qty", "qty ordered", "items sold"),
            *("quantity ordered", "units", "pieces", "menge", "anzahl", "stuck"),
            *("stuckzahl", "bestellmenge", "quantite", "qte", "cantidad", "unidades"),
            *("quantita", "qta", "aantal"),
            "items quantity",
        ),
        "unit_price": (
            *("unit price", "lineitem price", "unitprice", "price each", "item cost"),
            *("price per unit", "product price", "einzelpreis", "stuckpreis", "preis"),
            *("preis je stuck", "e preis", "vk preis", "prix unitaire", "prix"),
            *("precio unitario", "precio", "prezzo unitario", "prezzo", "stukprijs"),
            *("prijs", "price"),
            *(
                "einzelpreis brutto",
                "stuckpreis brutto",
                "price per item",
                "item unit price",
                "artikelpreis",
                "verkaufspreis",
            ),
        ),
        "discount": (
            *("lineitem discount", "line discount", "item discount", "item promotion"),
            *("item promotion discount", "positionsrabatt"),
        ),
        "amount": (
            *(
                "line total",
                "item price",
                "line amount",
                "order line total",
                "subtotal",
            ),
            *(
                "total price",
                "item total",
                "gesamtpreis",
                "zeilensumme",
                "positionswert",
            ),
            *("positionsbetrag", "zeilenbetrag", "total ligne", "prix total"),
            *("importe linea", "total linea", "totale riga", "regeltotaal"),
            *(
                "gesamt",
                "summe",
                "zeilensumme brutto",
                "line value",
                "line price",
                "extended price",
                "total",
                "betrag",
            ),
        ),
    },
    "products": {
        "product_id": (),
        "product_name": (
            *("product name", "item name", "lineitem name", "title", "name"),
            *("description", "product title", "produktname", "artikelname"),
            *("bezeichnung", "artikelbezeichnung", "nom du produit", "produit"),
            *("nombre del producto", "nome prodotto", "productnaam"),
        ),
        "category": (
            *("category", "product category", "type", "product type", "department"),
            *("kategorie", "warengruppe", "produktgruppe", "categorie", "categoria"),
            "item category",
        ),
        "unit_cost": (
            *("unit cost", "cost per item", "cost", "cost price", "einkaufspreis"),
            *("ek preis", "ek", "einstandspreis", "prix d achat", "costo", "coste"),
            *("inkoopprijs",),
        ),
        "stock": (
            *("stock", "stock quantity", "inventory", "inventory quantity", "on hand"),
            *("variant inventory qty", "in stock", "quantity in stock", "bestand"),
            *("lagerbestand", "stock disponible", "existencias", "giacenza"),
            "voorraad",
        ),
        "launched_at": (
            *("launched at", "launch date", "published at", "available from"),
            *("first available", "release date", "verfugbar ab", "date de sortie"),
        ),
        "withdrawn_at": (
            *("withdrawn at", "discontinued at", "discontinued", "available until"),
            *("delisted at", "end of life", "verfugbar bis", "auslauf am"),
        ),
    },
    "customers": {
        "customer_id": (),
        "email": (
            *("email", "e mail", "customer email", "email address", "mail"),
            *("e mail adresse", "email adresse", "adresse email", "correo electronico"),
        ),
        "full_name": (
            *("customer name", "full name", "name", "billing name", "kundenname"),
            *("nom", "nombre", "nome", "naam"),
        ),
        "phone": ("phone", "telephone", "phone number", "telefon", "telefono", "mobil"),
        "country": (
            *("country", "billing country", "ship country", "shipping country"),
            *("country code", "land", "pays", "pais", "paese"),
        ),
        "acquisition_channel": (
            *("channel", "source", "acquisition channel", "kanal"),
            *("referrer", "utm source"),
        ),
        "signed_up_at": (
            *("created at", "signed up at", "registered at", "registration date"),
            *("customer since", "date registered", "kunde seit", "registriert am"),
            *("date d inscription", "fecha de registro"),
        ),
    },
    "events": {
        "event_id": ("event id", "hit id"),
        "customer_id": ("user id", "visitor id", "client id"),
        "session_id": ("session id", "session", "visit id"),
        "event_type": ("event type", "event name", "event", "action"),
        "occurred_at": ("occurred at", "event time", "event timestamp", "timestamp"),
        "position": ("position", "index", "rank", "slot", "item list index"),
        "query": ("query", "search term", "search query", "keyword", "suchbegriff"),
    },
    "marketing_spend": {
        "day": ("day", "date", "reporting starts", "segments date", "tag", "datum"),
        "channel": ("channel", "source", "platform", "publisher platform", "network"),
        "campaign_id": ("campaign id", "campaign", "campaign name", "kampagne"),
        "amount": (
            *("amount spent", "spend", "cost", "costs", "ad spend", "kosten"),
            *("ausgaben", "depenses", "gasto", "spesa"),
        ),
        "impressions": ("impressions", "impr", "views", "impressionen"),
        "clicks": ("clicks", "link clicks", "klicks", "clics", "clic"),
    },
    "campaigns": {
        "campaign_id": ("campaign id", "id"),
        "campaign_name": ("campaign name", "name", "campaign", "title", "subject"),
        "channel": ("channel", "type", "campaign type", "medium"),
        "started_at": ("started at", "start", "start date", "start time", "send time"),
        "ended_at": ("ended at", "end", "end date", "end time"),
    },
    "campaign_sends": {
        "send_id": ("send id", "message id", "id"),
        "campaign_id": ("campaign id", "campaign"),
        "customer_id": ("recipient", "email", "email address", "profile id"),
        "sent_at": ("sent at", "send time", "sent", "delivered at", "date"),
        "opened_at": ("opened at", "open time", "first open", "opened"),
        "clicked_at": ("clicked at", "click time", "first click", "clicked"),
        "cost": ("cost", "price"),
    },
    "redemptions": {
        "redemption_id": ("redemption id", "id"),
        "redeemed_at": ("redeemed at", "used at", "redemption date", "date"),
        "amount": ("amount", "discount", "discount amount", "value"),
    },
    "experiments": {
        "experiment_id": ("experiment id", "test id", "id"),
        "experiment_name": ("experiment name", "name", "test name", "experiment"),
    },
    "assignments": {
        "arm": ("arm", "variant", "variation", "group", "treatment", "bucket"),
        "assigned_at": ("assigned at", "assignment date", "bucketed at"),
        "exposed_at": ("exposed at", "exposure date", "first exposure"),
    },
    "calendar": {
        "name": ("name", "event", "holiday", "holiday name", "title"),
        "kind": ("kind", "type", "category"),
    },
    "subscriptions": {
        "subscription_id": ("subscription id", "id", "contract id"),
        "plan": ("plan", "product", "plan name", "tariff"),
        "amount": ("amount", "price", "plan amount", "mrr"),
        "started_at": ("started at", "start", "start date", "created", "created at"),
        "renews_every": ("interval", "billing interval", "billing period", "period"),
        "ended_at": ("ended at", "canceled at", "cancelled at", "end", "end date"),
    },
    "consents": {
        "purpose": ("purpose", "type", "list", "channel"),
        "given_at": ("given at", "optin time", "opt in at", "subscribed at"),
        "withdrawn_at": ("withdrawn at", "unsub time", "opt out at", "unsubscribed at"),
    },
    "product_vectors": {
        "source": ("source", "model", "kind", "type"),
        "vector": ("vector", "embedding", "embeddings", "values"),
    },
    "refunds": {
        "refund_id": ("refund id", "refund number", "return id", "erstattungsnummer"),
        "order_id": (),
        "refunded_at": (
            *("refund date", "refunded at", "return date", "created at", "date"),
            *("erstattet am", "erstattungsdatum", "datum"),
        ),
        "amount": (
            *("refund amount", "amount refunded", "amount", "refunded amount", "total"),
            *("erstattungsbetrag", "betrag", "montant", "importe", "importo"),
        ),
    },
}
# The same thing has the same names in every feed.
HEADINGS["products"]["product_id"] = (
    *HEADINGS["order_lines"]["product_id"],
    *("id", "handle"),
)
HEADINGS["customers"]["customer_id"] = (*HEADINGS["orders"]["customer_id"], "id")
HEADINGS["refunds"]["order_id"] = HEADINGS["orders"]["order_id"]
HEADINGS["order_lines"]["order_id"] = HEADINGS["orders"]["order_id"]

# Words in the name of a file that say which feed it is, the surest first.
FILE_WORDS = {
    "refunds": ("refund", "return", "erstattung", "retoure", "gutschrift", "rembours"),
    "order_lines": (
        *("order_line", "orderline", "line_item", "lineitem", "order_item"),
        *("orderitem", "position", "items", "lines", "lignes", "righe", "linea"),
    ),
    "customers": ("customer", "kunde", "client", "klant", "contact", "kontakt"),
    "products": ("product", "produkt", "artikel", "produit", "article", "catalog"),
    "orders": (
        *("order", "bestell", "auftr", "sales", "invoice", "rechnung", "commande"),
        *("pedido", "ordini", "verkauf", "transaction", "purchase", "umsatz"),
    ),
}

# What a sign beside an amount says of its currency; a bare $ is many.
SIGNS = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "zł": "PLN"}
MONEY_SIGNS = (*SIGNS, "US$", "CA$", "A$", "$", "CHF", "EUR", "USD", "GBP", "kr.", "kr")


def words_of(heading: str) -> str:
    """Write a heading in lower case without accents, one blank between words.

    >>> words_of("Bestell-Nr.")
    'bestell nr'
    >>> words_of("customerEmail")
    'customer email'
    """
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", heading).casefold()
    text = unicodedata.normalize("NFKD", text)
    text = "".join(each for each in text if not unicodedata.combining(each))
    return " ".join(re.sub(r"[^0-9a-zäöüß#]+", " ", text).replace("#", " no ").split())


def meant_by(header: str, feed: Feed) -> str | None:
    """Return the column of `feed` that `header` may stand for, if any.

    Of two columns that have such a name, it is the one for which it is the likelier.
    """
    plain = _run_together(header)
    places = {
        column.name: names.index(plain)
        for column in feed.columns
        if plain in (names := _plain_names(feed.name, column.name))
    }
    if places:
        return min(places, key=places.__getitem__)
    by_plain = {_run_together(column.name): column.name for column in feed.columns}
    similar = get_close_matches(plain, by_plain, n=1, cutoff=0.8)
    return by_plain[similar[0]] if similar else None


def _plain_names(feed: str, column: str) -> list[str]:
    """The names of a column; those of another feed where its own has none."""
    columns = (HEADINGS.get(feed, {}), *HEADINGS.values())
    names = next((each[column] for each in columns if column in each), ())
    return [_run_together(name) for name in names]


def _run_together(name: str) -> str:
    return words_of(name).replace(" ", "")
