"""How a service manager starts, watches and stops the agent."""
