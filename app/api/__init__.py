"""The HTTP dialects, one folder each, and the plumbing they share."""
