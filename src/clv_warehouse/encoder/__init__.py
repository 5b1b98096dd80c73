"""One network that reads all that customers did, and what reads its vectors."""
