"""What this dialect's routes do, in verbs of the engine."""
