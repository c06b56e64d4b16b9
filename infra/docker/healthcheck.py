"""Exit 0 when both ports of the container answer, else 1 with a line that says which does not."""

import sys
from urllib.error import URLError
from urllib.request import urlopen

PORTS = {"SERVER_ADDR": 8080, "GATEWAY_ADDR": 8081}


def main() -> int:
    """Ask both ports for a sign of life."""
    for name, port in PORTS.items():
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                pass
        except (URLError, OSError) as error:
            print(f"{name} (port {port}): {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
