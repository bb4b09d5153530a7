//! MSRP, the Message Session Relay Protocol (RFC 4975), and the client's side of its relays
//! (RFC 4976): a library that stands alone, by the feature `msrp`.
