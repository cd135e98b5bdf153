"""Flavours of registries: what a vendor does beside, or against, the distribution specification.

Contract: every name of a vendor lives here (or in `mirror.stores`). What the vendors' own libraries raise
leaves as `mirror.errors`.
"""
