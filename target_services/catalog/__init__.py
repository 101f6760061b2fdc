"""Catalog: what there is to buy, with a stock badge where inventory can be asked."""
