"""What production runs on: the proxy, certificates, roles, backups, compose files and images."""
