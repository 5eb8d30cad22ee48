"""The rules of the Tork dialect, in verbs of the engine: one module for each family of paths."""
