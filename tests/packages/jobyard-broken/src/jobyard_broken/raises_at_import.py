"""Raises while it is imported."""

raise RuntimeError("the licence server is away\nand a second line")
