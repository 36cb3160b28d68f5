"""HTTP and providers' words as values; no input or output."""
