"""The provider batches that the mock gateway sells, in the words of four providers."""
