//! Pages that stay up to date: one stream of events (HTML s9.2) while somebody looks at them.
//!
//! A stream belongs to a session and ends with it, but is no use of it: whoever leaves a page open is
//! signed out as if it were closed. It is asked for by our own pages alone.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::problem::Problem;
use super::visit::Visit;
use super::{forgery, routes};
use crate::clock::Tick;

/// How often something new is told.
const EVERY: Duration = Duration::from_secs(5);
/// A stream that is so old ends, and its page asks for another one.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// Streams that one session may have: windows that somebody has open side by side.
const PER_SESSION: usize = 6;
/// The media type.
const EVENTS: &str = "text/event-stream";

/// The streams that are open.
#[derive(Debug)]
pub(super) struct Streams {
    /// By the handle of their session.
    open: Mutex<HashMap<String, usize>>,
    over: watch::Sender<bool>,
}

impl Default for Streams {
    fn default() -> Streams {
        Streams { open: Mutex::default(), over: watch::channel(false).0 }
    }
}

impl Streams {
    /// A place for one more of this session.
    fn take(self: &Arc<Self>, session: &str) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(session.to_owned()).or_default();
        if *count >= PER_SESSION {
            return None;
        }
        *count += 1;
        Some(Place { streams: Arc::clone(self), session: session.to_owned() })
    }

    /// Ends all of them, for good.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }
}

/// The place of an open stream.
#[derive(Debug)]
struct Place {
    streams: Arc<Streams>,
    session: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

/// An open stream.
struct Stream<F> {
    visit: Arc<Visit>,
    place: Place,
    over: watch::Receiver<bool>,
    interval: Interval,
    until: Tick,
    tell: F,
}

/// Answers with a stream of what `tell` has to say.
pub(super) async fn stream<F, A>(headers: HeaderMap, visit: Visit, tell: F) -> Response
where
    F: Fn(Arc<Visit>) -> A + Send + Sync + 'static,
    A: Future<Output = Option<String>> + Send + 'static,
{
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accepted.is_some_and(|accepted| accepted.contains(EVENTS)) {
        let detail = "this is a stream of events, for scripts of our pages";
        return Problem::new(StatusCode::NOT_ACCEPTABLE, detail).into_response();
    }
    let ours = routes::host(&headers).map(|host| forgery::is_from_our_page(&headers, &host));
    if !ours.unwrap_or(false) {
        let detail = "a stream is for pages of this server";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let session = visit.session().map(|session| session.handle.clone()).unwrap_or_default();
    let streams = &visit.site().streams;
    let Some(place) = streams.take(&session) else {
        let detail = "this session has as many streams as it may have";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
    };
    let over = streams.over.subscribe();
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let until = visit.site().clock.now() + LONGEST;
    let open = Stream { visit: Arc::new(visit), place, over, interval, until, tell };
    let body = Body::from_stream(futures_util::stream::unfold(open, next));
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    response
}

type Told = Result<String, std::convert::Infallible>;

/// The next event, or the end.
async fn next<F, A>(mut stream: Stream<F>) -> Option<(Told, Stream<F>)>
where
    F: Fn(Arc<Visit>) -> A,
    A: Future<Output = Option<String>>,
{
    tokio::select! {
        _ = stream.interval.tick() => {}
        _ = stream.over.wait_for(|over| *over) => return None,
    }
    let old = stream.visit.site().clock.now() >= stream.until;
    if old || !stream.visit.still_stands(&stream.place.session) {
        return None;
    }
    let told = (stream.tell)(Arc::clone(&stream.visit)).await?;
    Some((Ok(event(&told)), stream))
}

/// A text as an event.
fn event(text: &str) -> String {
    let mut event = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_many_lines_is_one_event() {
        assert_eq!(event("<p>\n\n<b>\r\n"), "data: <p>\ndata: \ndata: <b>\n\n");
    }

    // W41.
    #[test]
    fn a_session_has_so_many_streams_and_each_end_makes_room() {
        let streams = Arc::new(Streams::default());
        let mut open: Vec<Place> = (0..PER_SESSION).filter_map(|_| streams.take("ana")).collect();
        assert_eq!(open.len(), PER_SESSION);
        assert!(streams.take("ana").is_none());
        assert!(streams.take("rui").is_some());
        open.pop();
        assert!(streams.take("ana").is_some());
        drop(open);
        assert!(streams.open.lock().unwrap().is_empty());
    }
}
