"""The ground floor: money, receipts, events, the checkout contract, errors; values only, no I/O, no clock."""
