"""How to speak with every device and every till system; knows nothing of loyalty, queues or the agent."""
