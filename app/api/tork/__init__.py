"""The Tork dialect: container workflows submitted as YAML or JSON."""
