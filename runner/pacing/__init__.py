"""How fast calls go out: the limits of an account, those told by people and those found out."""
