"""What a shop without an encoder has of tastes."""

import pyarrow as pa

NO_TASTES = pa.table(
    {
        "as_of_date": pa.nulls(0, pa.date32()),
        "knows_until": pa.nulls(0, pa.date32()),
    }
)
