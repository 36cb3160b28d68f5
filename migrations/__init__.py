"""Alembic's environment and the migrations; imported only to migrate an older table."""
