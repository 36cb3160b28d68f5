"""Prices of calls: from the user's settings, the gateway's price list, or the dated price book.

Amounts are decimals during calculation and floats of nine places in storage. Sums are taken over
whole billionths, so that the total of a million calls equals the sum of their stored amounts.
"""
