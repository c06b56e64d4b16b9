"""How the nodes of one Chatter speak to each other: a bus of small messages, three engines behind one port."""
