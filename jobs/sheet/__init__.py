"""Reads sheets: one file for each format family, and `reader` in front of them."""
