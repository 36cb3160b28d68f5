"""Alembic's environment and the table's history; imported only when a table is behind."""
