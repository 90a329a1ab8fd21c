"""What is wrong with this till: every hop from the device to the centre, tried in order; it changes nothing."""
