"""Identifiers of genes: their kinds, and the index that finds genes by aliases."""
