"""Forward-only steps of the schema, one numbered file each; see `app.data.schema`."""
