"""Jobyard: one job server that speaks five job APIs over one engine."""
