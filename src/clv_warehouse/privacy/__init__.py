"""What is personal: the vault of names and addresses, erasure, rotation of keys."""
