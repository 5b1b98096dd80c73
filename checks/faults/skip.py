"""Why something cannot be tried here."""


class SkipError(Exception):
    """A try needs what this machine or user lacks; the message says what."""
