"""The worker of the render farm, with what packs it."""
