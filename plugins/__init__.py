"""The bundled job types, each a package that imports only app.hooks."""
