"""Proves that no fault of the machine, and no kill, loses or mixes what people read."""
