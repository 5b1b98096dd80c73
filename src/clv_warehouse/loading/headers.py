"""Which column of a feed a header of a shop's export may stand for."""

import re
from collections.abc import Collection
from difflib import get_close_matches

# What shop systems call the columns, in lower case and without what is between words.
_MEANT = {
    "order_id": "name order ordernumber orderno ordernr invoice invoiceno "
    "incrementid number amazonorderid transactionid",
    "customer_id": "email customer customernumber customeremail emailbilling "
    "buyeremail customeruser buyer clientid",
    "ordered_at": "createdat orderdate date purchasedate datecreated dateadd "
    "invoicedate created createdutc createddateutc",
    "updated_at": "lastupdateddate modifiedat lastmodified datemodified changedat",
    "status": "financialstatus orderstatus state orderstate currentstate paymentstatus",
    "currency": "currencycode ordercurrency basecurrencycode",
    "amount": "total ordertotal grandtotal totalprice totalamount ordertotalamount "
    "totalpaid revenue",
    "discount_amount": "discount discounts totaldiscounts discounttotal cartdiscount",
    "shipping_amount": "shipping shippingtotal shippingandhandling shippingprice "
    "ordershippingamount freight postage",
    "tax_amount": "taxes tax taxtotal totaltax vat ordertotaltaxamount",
    "tip_amount": "tip tips totaltip",
    "refunded_amount": "refunded refund totalrefunded amountrefunded "
    "orderrefundamount refundtotal",
    "quantity": "lineitemquantity qty itemsquantity",
    "unit_price": "lineitemprice price itemcost itemprice",
    "product_id": "lineitemsku sku stockcode productcode itemid asin",
    "discount": "lineitemdiscount linediscount",
    "unit_cost": "cost costperitem",
    "product_name": "lineitemname title productname itemname",
    "category": "type productcategory producttype itemcategory",
    "country": "billingcountry shipcountry countrycode",
    "acquisition_channel": "channel source referrer utmsource",
}
_COLUMN_OF = {
    header: column for column, headers in _MEANT.items() for header in headers.split()
}


def meant_by(header: str, columns: Collection[str]) -> str | None:
    """Return the one of `columns` that `header` may stand for, if any."""
    plain = _plain(header)
    known = _COLUMN_OF.get(plain)
    if known in columns:
        return known
    by_plain = {_plain(column): column for column in columns}
    similar = get_close_matches(plain, by_plain, n=1, cutoff=0.8)
    return by_plain[similar[0]] if similar else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
