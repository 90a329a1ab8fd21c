"""What a code is: whose card, which product, a bank card, or nothing known; pure but for its settings."""
