"""What a call was like: its record, how it is written while the call runs, and what its signs mean. Pure."""
