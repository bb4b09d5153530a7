//! The table as its users see it, on a virtual clock.
