"""The production stack under podman-compose."""
