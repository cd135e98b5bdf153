"""One module per step; the file name begins with its number."""
