"""Steps of the schema of log text, which may live in a database file of its own."""
