"""One file for each way in which providers word batches."""
