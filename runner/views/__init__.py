"""What the table says, as values and JSON."""
