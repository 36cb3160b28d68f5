"""What a job is: its states, its table, the sheet it comes from; no HTTP."""
