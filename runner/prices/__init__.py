"""What calls cost: the user's own prices, the gateway's price list, the dated book, in that order.

Amounts are decimals while they are worked out, and floats of nine places where they are kept: sums
are taken over whole billionths, so that a million calls add up to what each of them says.
"""
