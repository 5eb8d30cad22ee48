"""This dialect's rules: plain functions over the services of the process."""
