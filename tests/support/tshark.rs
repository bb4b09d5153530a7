//! An independent reader of what goes over the wire: a capture of one port of a test, dissected by
//! tshark.
