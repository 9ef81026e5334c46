"""The systemd service: put on the machine, taken off it, asked how it is."""
