"""What puts load on a server: clients as our web client is, the traffic between them, and the report."""
