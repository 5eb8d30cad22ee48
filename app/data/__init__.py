"""The data layer: sole user of peewee, one statement a function, records in and out."""
