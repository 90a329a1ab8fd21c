"""What is in this till's hand: points, coupons and money of certificates that nobody else can use meanwhile."""
