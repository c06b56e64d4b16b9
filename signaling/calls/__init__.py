"""Calls as they are watched: the shell around `signaling.core.calls`."""
