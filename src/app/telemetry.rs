//! The log: one event, one line, as text or JSON, whatever strangers put into the values.
//!
//! The lines are written here and not by the subscriber's own formats: those escape some control
//! characters in some positions, and a log that is read by people and programs needs all of them
//! escaped in all positions, and values of bounded length.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::escape;
use crate::clock::{Clock, WallTime};
use crate::config::{Log, LogFormat};

/// The longest message of an event, in characters.
const LONGEST_MESSAGE: usize = 1024;

/// What the level is changed by.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.level` is not a filter.
    #[error("log.level: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is one already.
    #[error("the log was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts the log on standard error.
///
/// # Errors
/// If the level is not understood, or a log was started before.
pub fn start(log: &Log, clock: Clock) -> Result<(), TelemetryError> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(&log.level)?);
    Registry::default()
        .with(filter)
        .with(Lines::new(log.format, clock, std::io::stderr))
        .try_init()?;
    // There is one log, and it was not started before.
    let _ = LEVEL.set(handle);
    Ok(())
}

/// Lets the log tell more or less from now on. Without a log this does nothing.
///
/// # Errors
/// If the level is not understood.
pub fn set_level(level: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(level)?;
    if let Some(handle) = LEVEL.get() {
        // It fails only when the log is gone.
        let _ = handle.reload(filter);
    }
    Ok(())
}

/// Writes each event as one line.
pub struct Lines<W> {
    format: LogFormat,
    clock: Clock,
    writer: W,
}

impl<W> Lines<W> {
    /// Writes to whatever `writer` makes.
    pub fn new(format: LogFormat, clock: Clock, writer: W) -> Lines<W> {
        Lines { format, clock, writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = String::with_capacity(256);
        let metadata = event.metadata();
        let (level, target, now) = (*metadata.level(), metadata.target(), self.clock.wall());
        match self.format {
            LogFormat::Text => text(&mut line, now, level, target, event),
            LogFormat::Json => json(&mut line, now, level, target, event),
        }
        line.push('\n');
        // A log that cannot be written must not stop the server.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}

fn stamp(line: &mut String, wall: WallTime) {
    let c = wall.civil();
    let _ = write!(
        line,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        c.year,
        c.month,
        c.day,
        c.hour,
        c.minute,
        c.second,
        wall.unix_millis() % 1_000
    );
}

fn text(line: &mut String, wall: WallTime, level: Level, target: &str, event: &Event<'_>) {
    stamp(line, wall);
    let _ = write!(line, " {level:<5} {target}:");
    let mut values = Values::default();
    event.record(&mut values);
    if let Some(message) = &values.message {
        line.push(' ');
        escape::push(line, message, LONGEST_MESSAGE);
    }
    for (name, value) in &values.fields {
        let _ = write!(line, " {name}=");
        match value {
            Value::Plain(value) => line.push_str(value),
            Value::Text(value) => {
                let bare = !value.is_empty() && !value.contains([' ', '"', '=']);
                if bare {
                    escape::push(line, value, escape::LONGEST);
                } else {
                    line.push('"');
                    escape::push(line, &value.replace('"', "'"), escape::LONGEST);
                    line.push('"');
                }
            }
        }
    }
}

fn json(line: &mut String, wall: WallTime, level: Level, target: &str, event: &Event<'_>) {
    let mut values = Values::default();
    event.record(&mut values);
    line.push_str("{\"time\":\"");
    stamp(line, wall);
    let _ = write!(line, "\",\"level\":\"{}\",\"target\":", level.as_str().to_ascii_lowercase());
    json_text(line, target, escape::LONGEST);
    if let Some(message) = &values.message {
        line.push_str(",\"message\":");
        json_text(line, message, LONGEST_MESSAGE);
    }
    for (name, value) in &values.fields {
        line.push(',');
        json_text(line, name, escape::LONGEST);
        line.push(':');
        match value {
            Value::Plain(value) => line.push_str(value),
            Value::Text(value) => json_text(line, value, escape::LONGEST),
        }
    }
    line.push('}');
}

/// A JSON string in which every treacherous character is a `\u` escape, not only those that JSON
/// itself forbids.
fn json_text(line: &mut String, text: &str, longest: usize) {
    line.push('"');
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            line.push('…');
            break;
        }
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            c if escape::is_treacherous(c) => {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

enum Value {
    /// Numbers and booleans.
    Plain(String),
    Text(String),
}

#[derive(Default)]
struct Values {
    message: Option<String>,
    fields: Vec<(&'static str, Value)>,
}

impl Values {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Plain(text) | Value::Text(text)) => self.message = Some(text),
            // Where in the source of a library the line was made: nobody's who runs this.
            ("log.file" | "log.line" | "log.module_path", _) => {}
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinities.
        let text = value.to_string();
        self.add(field, if value.is_finite() { Value::Plain(text) } else { Value::Text(text) });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::filter::LevelFilter;

    use super::*;

    /// Everything that was logged.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Capture(Arc<Mutex<Vec<u8>>>);

    impl Capture {
        pub(crate) fn text(&self) -> String {
            let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8_lossy(&bytes).into_owned()
        }

        /// A subscriber that keeps everything down to trace.
        pub(crate) fn subscriber(
            &self,
            format: LogFormat,
        ) -> impl Subscriber + Send + Sync + use<> {
            let (clock, _hands) = Clock::manual(WallTime::from_unix_millis(1_289_682_571_042));
            let capture = self.clone();
            Registry::default().with(LevelFilter::TRACE).with(Lines::new(
                format,
                clock,
                move || capture.clone(),
            ))
        }
    }

    impl std::io::Write for Capture {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "x\r\n2010-11-13 ERROR forged\x1b[31m\u{9b}2J\u{202e}\u{2028}\"}";

    fn logged(format: LogFormat) -> String {
        let capture = Capture::default();
        tracing::subscriber::with_default(capture.subscriber(format), || {
            tracing::info!(user = HOSTILE, shown = %HOSTILE, debugged = ?HOSTILE, n = 7, "said {HOSTILE}");
        });
        capture.text()
    }

    /// T70: one event is one line, and no control character reaches the log.
    #[test]
    fn a_hostile_value_stays_on_one_line() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format);
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(escape::is_treacherous), "{line}");
        }
    }

    #[test]
    fn text_lines_carry_time_level_target_message_and_values() {
        let capture = Capture::default();
        tracing::subscriber::with_default(capture.subscriber(LogFormat::Text), || {
            tracing::warn!(target: "tagus::net", user = "ana", agent = "a b", n = 7, ok = true, "hello");
        });
        assert_eq!(
            capture.text(),
            "2010-11-13T21:09:31.042Z WARN  tagus::net: hello user=ana agent=\"a b\" n=7 ok=true\n"
        );
    }

    #[test]
    fn json_lines_are_json() {
        let line: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json)).unwrap();
        assert_eq!(line["user"], HOSTILE);
        assert_eq!(line["shown"], HOSTILE);
        assert_eq!(line["n"], 7);
        assert_eq!(line["level"], "info");
        assert_eq!(line["time"], "2010-11-13T21:09:31.042Z");
    }

    #[test]
    fn long_values_are_cut_to_256_characters() {
        let capture = Capture::default();
        tracing::subscriber::with_default(capture.subscriber(LogFormat::Json), || {
            tracing::info!(user = "x".repeat(5000), "hello");
        });
        let line: serde_json::Value = serde_json::from_str(&capture.text()).unwrap();
        assert_eq!(line["user"].as_str().unwrap().chars().count(), 257);
    }
}
