"""Process configuration: settings, logging and the gunicorn config file."""
