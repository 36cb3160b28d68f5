"""Results in a copy of the user's own workbook."""
