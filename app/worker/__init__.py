"""The worker daemon: claims tasks, runs each under a runtime, ships its output, reports its end."""
