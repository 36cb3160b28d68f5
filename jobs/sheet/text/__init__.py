"""Sheets that are text: csv, tsv, txt, jsonl and json, in any encoding."""
