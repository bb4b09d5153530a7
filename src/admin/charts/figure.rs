//! One chart with everything around it: what its lines are, numbers, times, and the same as a table.

use super::draw::{self, Line};
use crate::clock::WallTime;
use crate::operations::{HistoryView, Series, Window};
use crate::web::{Key, Language, Texts};

/// Rows of a table, at most.
const MOST_ROWS: usize = 14;
/// Times below a chart.
const TIMES: usize = 4;

/// What numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// So many.
    Count,
    /// So many a minute.
    PerMinute,
    /// Time.
    Seconds,
    /// A part of a whole.
    Share,
    /// Memory.
    Bytes,
}

/// What a chart shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// What it is called in addresses.
    pub(super) id: &'static str,
    pub(super) title: Key,
    pub(super) unit: Unit,
    /// The series, each with what it is called here.
    pub(super) lines: &'static [(Series, Key)],
    /// Whether it says something only where there is a directory.
    pub(super) of_directory: bool,
}

/// A chart, as templates write it.
#[derive(Debug)]
pub(in crate::admin) struct Figure {
    pub(in crate::admin) id: &'static str,
    pub(in crate::admin) title: String,
    pub(in crate::admin) unit: String,
    /// Whether anything was measured at all.
    pub(in crate::admin) has_data: bool,
    pub(in crate::admin) svg: String,
    /// What each line is called, and how much it is now.
    pub(in crate::admin) legend: Vec<(String, String)>,
    /// Numbers at the side, from the top.
    pub(in crate::admin) scale: [String; 3],
    /// Times below.
    pub(in crate::admin) times: Vec<String>,
    /// The table: each row begins with its time.
    pub(in crate::admin) rows: Vec<Vec<String>>,
}

impl Figure {
    pub(super) fn new(t: Texts, subject: &Subject, window: Window, view: &HistoryView) -> Figure {
        let find = |series: Series| view.series.iter().find(|one| one.series == series);
        let unit = subject.unit;
        let scaled = |value: &Option<f64>| value.map(|value| unit.scaled(value));
        let lines: Vec<Line> = subject
            .lines
            .iter()
            .map(|(series, _)| Line {
                points: find(*series)
                    .map_or_else(Vec::new, |one| one.points.iter().map(scaled).collect()),
            })
            .collect();
        let now = |series: Series| find(series).and_then(|one| scaled(&one.now));
        let legend = subject.lines.iter().map(|(series, name)| {
            // Of a minute in which somebody came or went.
            let whole = |value: f64| if unit == Unit::Count { value.round() } else { value };
            let now = now(*series).map(|value| unit.show(t, whole(value)));
            (t.key(name), now.unwrap_or_else(|| "–".to_owned()))
        });
        let top = match unit {
            Unit::Share => 1.0,
            // There are no halves of what is counted.
            Unit::Count => draw::top(&lines).max(2.0),
            Unit::PerMinute | Unit::Seconds | Unit::Bytes => draw::top(&lines),
        };
        let title = t.key(subject.title);
        let label = t.with(
            "chart-label",
            [("title", title.clone().into()), ("window", t.key(period(window)).into())],
        );
        Figure {
            id: subject.id,
            has_data: lines.iter().any(|line| line.points.iter().any(Option::is_some)),
            svg: draw::svg(&lines, top, &label),
            legend: legend.collect(),
            scale: [top, top / 2.0, 0.0].map(|value| unit.show(t, value)),
            times: times(window, view),
            rows: table(t, unit, window, view.from, view.step, &lines),
            unit: unit.name(t),
            title,
        }
    }
}

/// What a window is called.
pub(super) fn period(window: Window) -> Key {
    match window {
        Window::Hours => Key("window-hours"),
        Window::Day => Key("window-day"),
        Window::Week => Key("window-week"),
        Window::Quarter => Key("window-quarter"),
        Window::Years => Key("window-years"),
    }
}

/// A moment, as far as it matters in this window: the time of day, or the day.
fn moment(window: Window, at: u64) -> String {
    let text = WallTime::from_unix_secs(at).to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    match window {
        Window::Hours | Window::Day => time.get(..5).unwrap_or(time).to_owned(),
        Window::Week | Window::Quarter | Window::Years => day.to_owned(),
    }
}

fn times(window: Window, view: &HistoryView) -> Vec<String> {
    let (_, count) = window.grid();
    let last = count.saturating_sub(1) as u64;
    (0..TIMES as u64)
        .map(|part| moment(window, view.from + last * part / (TIMES as u64 - 1) * view.step))
        .collect()
}

/// Averages of equal runs of points.
fn table(
    t: Texts,
    unit: Unit,
    window: Window,
    from: u64,
    step: u64,
    lines: &[Line],
) -> Vec<Vec<String>> {
    let points = lines.iter().map(|line| line.points.len()).max().unwrap_or_default();
    let run = points.div_ceil(MOST_ROWS).max(1);
    (0..points.div_ceil(run))
        .map(|row| {
            let begin = row * run;
            let mut cells = vec![moment(window, from + begin as u64 * step)];
            cells.extend(lines.iter().map(|line| {
                let known = line.points.iter().skip(begin).take(run).flatten();
                let (sum, count) = known.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
                match count {
                    0 => "–".to_owned(),
                    count => unit.show(t, sum / f64::from(count)),
                }
            }));
            cells
        })
        .collect()
}

impl Unit {
    /// As it is drawn.
    fn scaled(self, value: f64) -> f64 {
        if self == Unit::PerMinute { value * 60.0 } else { value }
    }

    fn name(self, t: Texts) -> String {
        match self {
            Unit::Count | Unit::Bytes | Unit::Seconds | Unit::Share => String::new(),
            Unit::PerMinute => t.get("unit-per-minute"),
        }
    }

    /// A scaled number, as people read it.
    pub(super) fn show(self, t: Texts, value: f64) -> String {
        match self {
            Unit::Count if value >= 10.0 => number(t, value.round()),
            Unit::Count | Unit::PerMinute => number(t, value),
            Unit::Seconds if value < 1.0 => format!("{}\u{a0}ms", number(t, value * 1_000.0)),
            Unit::Seconds => format!("{}\u{a0}s", number(t, value)),
            Unit::Share => format!("{}\u{a0}%", number(t, value * 100.0)),
            Unit::Bytes => {
                const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
                let unit = UNITS.into_iter().find(|(size, _)| value >= *size);
                let (size, name) = unit.unwrap_or((1.0, "B"));
                format!("{}\u{a0}{name}", number(t, value / size))
            }
        }
    }
}

/// A number with as many digits as say something.
pub(in crate::admin) fn number(t: Texts, value: f64) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 || (value - value.round()).abs() < 0.005 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    match t.language() {
        Language::English => text,
        Language::Portuguese => text.replace('.', ","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::SeriesView;

    const SUBJECT: Subject = Subject {
        id: "x",
        title: Key("chart-messages"),
        unit: Unit::PerMinute,
        lines: &[(Series::Accepted, Key("line-accepted")), (Series::Held, Key("line-held"))],
        of_directory: false,
    };

    #[test]
    fn numbers_are_written_as_the_language_has_them() {
        let (english, portuguese) = (Texts(Language::English), Texts(Language::Portuguese));
        for (unit, value, en, pt) in [
            (Unit::Count, 1_234.4, "1234", "1234"),
            (Unit::Count, 0.0, "0", "0"),
            (Unit::PerMinute, 12.34, "12.3", "12,3"),
            (Unit::PerMinute, 27.04, "27", "27"),
            (Unit::PerMinute, 100.0, "100", "100"),
            (Unit::Seconds, 0.0125, "12.5 ms", "12,5 ms"),
            (Unit::Seconds, 2.5, "2.5 s", "2,5 s"),
            (Unit::Share, 0.987, "98.7 %", "98,7 %"),
            (Unit::Bytes, 52_400_000.0, "52.4 MB", "52,4 MB"),
        ] {
            // No number stands at the end of a line and its unit on the next one.
            assert_eq!(unit.show(english, value), en.replace(' ', "\u{a0}"));
            assert_eq!(unit.show(portuguese, value), pt.replace(' ', "\u{a0}"));
        }
    }

    #[test]
    fn a_chart_and_its_table_say_the_same_and_nothing_where_nothing_is_known() {
        let (step, count) = Window::Day.grid();
        let series = |series, points: Vec<Option<f64>>| SeriesView { series, points, now: None };
        let view = HistoryView {
            from: 1_700_006_400,
            step,
            series: vec![
                series(Series::Accepted, vec![Some(0.5); count]),
                series(Series::Held, vec![None; count]),
            ],
        };
        let figure = Figure::new(Texts::default(), &SUBJECT, Window::Day, &view);
        assert!(figure.has_data);
        assert_eq!(figure.rows.len(), 14);
        assert!(figure.rows.iter().all(|row| row[1] == "30" && row[2] == "–"), "{figure:?}");
        assert_eq!((figure.rows[0][0].as_str(), figure.times[0].as_str()), ("00:00", "00:00"));
        assert_eq!(figure.times.last().unwrap(), "23:45");
        let view = HistoryView { series: Vec::new(), ..view };
        assert!(!Figure::new(Texts::default(), &SUBJECT, Window::Day, &view).has_data);
    }
}
