"""The receipt in progress: identify, quote, hold, confirm, cancel, refund; decides nothing about money by itself."""
