"""Parameters of jobs typed by people: forms made of schemas, and whole texts."""
