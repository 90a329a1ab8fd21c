"""Russian fiscal documents (FFD) as every cash register with a fiscal memory keeps them: tags, receipts; pure."""
