"""Lets a language model read the published copy, and change nothing."""
