"""What a developer types: `electric`, a thin shell over the other rooms.

Each command is a module, imported when it is typed; heavy rooms are imported inside the command
that needs them. The service is only ever spoken to over HTTP.
"""
