"""Rows of the tables that only this dialect has; keyed by the engine's task and worker ids."""
