"""Ends the process while it is imported, or tries to."""

import sys

sys.exit("this is a script")
