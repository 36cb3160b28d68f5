"""The built-in mock gateway: the other side of the wire, an independent reading of the protocol."""
