"""The Edge TPU: what runs there, said beforehand; its compiler, where there is one."""
