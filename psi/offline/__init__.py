"""The same protocol by files, for parties that cannot open a port."""
