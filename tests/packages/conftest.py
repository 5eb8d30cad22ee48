"""Packages to be installed; their own tests run where they are."""

collect_ignore_glob = ["*"]
