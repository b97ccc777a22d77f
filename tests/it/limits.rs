//! The portal's limits, over HTTP: rate, operating time, the sixty seconds of a request, and other clients behind the same address.
