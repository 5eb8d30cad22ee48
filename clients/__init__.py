"""Programs that speak to a server; each folder can be installed by itself."""
