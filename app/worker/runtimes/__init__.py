"""Runtimes: how a command becomes processes or containers, and how all of them end again.

`base` says what a runtime is given and what it gives; `shell` runs processes of this machine,
`container` speaks the API of a container engine, `service` keeps one of either alive. Nothing here
knows a dialect or the engine.
"""
