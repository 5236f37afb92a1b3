"""A finished results folder, later: is it what it was, does it come out again, how does another differ from it."""
