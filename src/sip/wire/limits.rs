//! How large a message may be.

/// Bounds of a message; each is a key of `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A message on a stream, headers and body.
    pub message_bytes: u32,
    /// The header section, start line included.
    pub header_bytes: u32,
    /// One header line with its folds, or the start line.
    pub header_line_bytes: u32,
    /// Header lines.
    pub header_lines: u16,
    /// Any URI.
    pub uri_bytes: u32,
    /// Via values.
    pub via: u16,
    /// Route values.
    pub route: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_bytes: 64 * 1_024,
            header_bytes: 16 * 1_024,
            header_line_bytes: 8 * 1_024,
            header_lines: 200,
            uri_bytes: 2 * 1_024,
            via: 70,
            route: 32,
        }
    }
}
