"""What a run would do and cost, found out before it."""
