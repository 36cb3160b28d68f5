"""Sheets of any format, read and written; `reader` opens them."""
