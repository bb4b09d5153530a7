//! QR codes as SVG that stands in the page: no other server ever sees what is in one.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code (ISO/IEC 18004).
const QUIET: usize = 4;

/// Draws a text, black on white in both themes; `None` if it is too long for a code.
pub(super) fn svg(text: &str, label: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET;
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + QUIET, at / width + QUIET);
            // Writing to memory cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    let label: String = label.chars().filter(|c| !"<>&\"'".contains(*c)).collect();
    Some(format!(
        "<svg viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{label}\" \
         shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_and_its_label_brings_no_markup() {
        let svg = svg("otpauth://totp/x?secret=ABC", "a \"<b>\" & c").unwrap();
        assert!(svg.starts_with("<svg viewBox=") && svg.ends_with("</svg>"));
        assert!(svg.contains("aria-label=\"a b  c\""), "{svg}");
        assert!(super::svg(&"x".repeat(10_000), "").is_none());
    }
}
