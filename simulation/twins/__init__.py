"""One device's twin at work for people: on a wire, with its troubles on keys and its paper to be looked at."""
