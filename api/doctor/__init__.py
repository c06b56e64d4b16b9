"""`chatter doctor`: look at everything that an operator can get wrong, and hold a call in the end."""
