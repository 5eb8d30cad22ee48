"""Our own API in verbs of the engine, a module for each noun."""
