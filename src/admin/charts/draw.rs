//! Charts as SVG that stands in the page. The drawing has neither text nor colours: what is beside it is
//! HTML, which stays readable at any width, and classes of the style sheet say what lines look like.

use std::fmt::Write as _;

/// Height of the drawing, in its own units; it is stretched to its place.
const HEIGHT: f64 = 100.0;

/// One line of a chart.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// By point; none is a gap.
    pub(super) points: Vec<Option<f64>>,
}

/// The least round number that is not below any point, for the top of the chart.
pub(super) fn top(lines: &[Line]) -> f64 {
    let points = lines.iter().flat_map(|line| line.points.iter().flatten());
    let highest = points.copied().fold(0.0_f64, f64::max);
    if highest <= 0.0 || !highest.is_finite() {
        return 1.0;
    }
    let decade = 10_f64.powf(highest.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * decade >= highest * (1.0 - 1e-9));
    step.unwrap_or(10.0) * decade
}

/// Draws lines between nothing and `top`, and says in `label` what they are. The first one is filled
/// below if it is alone.
pub(super) fn svg(lines: &[Line], top: f64, label: &str) -> String {
    let points = lines.iter().map(|line| line.points.len()).max().unwrap_or_default();
    let width = points.saturating_sub(1).max(1);
    let label: String = label.chars().filter(|c| !"<>&\"'".contains(*c)).collect();
    let half = HEIGHT / 2.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{label}\"><path class=\"grid\" d=\"M0 0H{width}M0 {half}H{width}M0 \
         {HEIGHT}H{width}\"/>"
    );
    if let [line] = lines {
        // Writing to memory cannot fail.
        let _ = write!(svg, "<path class=\"area\" d=\"{}\"/>", area(&line.points, top));
    }
    for (number, line) in lines.iter().enumerate() {
        let (number, path) = (number + 1, path(&line.points, top));
        let _ = write!(svg, "<path class=\"line line-{number}\" d=\"{path}\"/>");
        let dots = dots(&line.points, top);
        if !dots.is_empty() {
            let _ = write!(svg, "<path class=\"dot line-{number}\" d=\"{dots}\"/>");
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Runs of points without a gap: where each begins, and its heights.
fn runs(points: &[Option<f64>]) -> Vec<(usize, Vec<f64>)> {
    let mut runs: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut open = false;
    for (x, point) in points.iter().enumerate() {
        match (point, runs.last_mut().filter(|_| open)) {
            (Some(value), Some((_, run))) => run.push(*value),
            (Some(value), None) => runs.push((x, vec![*value])),
            (None, _) => {}
        }
        open = point.is_some();
    }
    runs
}

fn height(value: f64, top: f64) -> f64 {
    let y = HEIGHT - (value / top).clamp(0.0, 1.0) * HEIGHT;
    (y * 10.0).round() / 10.0
}

fn path(points: &[Option<f64>], top: f64) -> String {
    let mut path = String::new();
    for (begin, run) in runs(points) {
        for (offset, value) in run.iter().enumerate().filter(|_| run.len() > 1) {
            let verb = if offset == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{verb}{} {}", begin + offset, height(*value, top));
        }
    }
    path
}

/// Points between two gaps: nothing long, with round ends.
fn dots(points: &[Option<f64>], top: f64) -> String {
    let mut dots = String::new();
    for (x, run) in runs(points) {
        if let [value] = run.as_slice() {
            let _ = write!(dots, "M{x} {}h0", height(*value, top));
        }
    }
    dots
}

fn area(points: &[Option<f64>], top: f64) -> String {
    let mut area = String::new();
    for (begin, run) in runs(points).into_iter().filter(|(_, run)| run.len() > 1) {
        let _ = write!(area, "M{begin} {HEIGHT}");
        for (offset, value) in run.iter().enumerate() {
            let _ = write!(area, "L{} {}", begin + offset, height(*value, top));
        }
        let _ = write!(area, "V{HEIGHT}Z");
    }
    area
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(points: &[Option<f64>]) -> Line {
        Line { points: points.to_vec() }
    }

    #[test]
    fn gaps_stay_open_and_a_point_between_two_is_a_dot() {
        let points = [Some(0.0), Some(5.0), None, Some(10.0), None, None];
        let svg = svg(&[line(&points)], 10.0, "people \"<b>\" & more");
        assert!(svg.contains("d=\"M0 100L1 50\"") && svg.contains("d=\"M3 0h0\""), "{svg}");
        assert!(svg.contains("class=\"area\" d=\"M0 100L0 100L1 50V100Z\""), "{svg}");
        assert!(svg.contains("aria-label=\"people b  more\""), "{svg}");
        assert!(!svg.contains("style="));
    }

    #[test]
    fn the_top_is_a_round_number() {
        for (highest, expected) in [
            (0.0, 1.0),
            (0.9, 1.0),
            (1.0, 1.0),
            (3.0, 4.0),
            (41.0, 50.0),
            (0.013, 0.02),
            (71.0, 80.0),
        ] {
            let top = top(&[line(&[Some(highest), None])]);
            assert!((top - expected).abs() < 1e-9, "{highest}: {top}");
        }
        assert!((top(&[]) - 1.0).abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn whatever_was_measured_stays_within_the_drawing(
            points in prop::collection::vec(prop::option::of(0.0_f64..1e12), 0..120),
        ) {
            let lines = [line(&points)];
            let top = top(&lines);
            prop_assert!(points.iter().flatten().all(|value| *value <= top * (1.0 + 1e-9)));
            let svg = svg(&lines, top, "x");
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
            prop_assert!(svg.len() < 400 + 120 * 2 * 12);
        }
    }
}
