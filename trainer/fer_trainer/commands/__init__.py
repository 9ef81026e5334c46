"""What ``fer-train`` can do: one module a command."""
