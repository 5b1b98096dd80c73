"""What statements and messages to PostgreSQL share."""

STAY = "What was published before stays."


def postgres_literal(text: str) -> str:
    """Write a text as a literal of PostgreSQL, in which backslashes may escape."""
    text = text.replace("'", "''")
    # E'', because the meaning of a plain backslash depends on the server's settings.
    return "E'" + text.replace("\\", "\\\\") + "'" if "\\" in text else f"'{text}'"
