"""Sheets that are workbooks: Excel, old Excel and OpenDocument."""
