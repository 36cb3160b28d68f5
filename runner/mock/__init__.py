"""The built-in mock gateway: an independent implementation of the provider's side."""
