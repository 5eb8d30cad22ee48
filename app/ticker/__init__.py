"""The ticker: runs the duties of the engine by the clock; one of any number leads."""
