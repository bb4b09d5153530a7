//! Files that are made while they are sent, so that however long one is, little of it is in memory.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream};

use super::visit::Visit;
use crate::operations::Failure;

/// Sends CSV in parts: `next` is given where the part before ended, and answers with a part and where
/// it ends. Whoever gets less than all of it hears of that: the connection breaks off. So it does where
/// the visitor is signed out meanwhile, or is no longer who he was.
#[must_use]
pub fn csv<F, N>(visit: Visit, name: &str, next: N) -> Response
where
    N: Fn(Option<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(String, Option<String>), Failure>> + Send + 'static,
{
    // Spreadsheets take text without a mark for one of another encoding.
    let mark = "\u{feff}".to_owned();
    sent(name, parts(move || visit.stands(), mark, Some(None), next))
}

/// The same for programs, which need no mark, where the first part is there already: what can be
/// wrong was said before anything is sent. It breaks off where `stands` says no.
#[must_use]
pub fn csv_onwards<S, F, N>(
    stands: S,
    name: &str,
    (text, end): (String, Option<String>),
    next: N,
) -> Response
where
    S: Fn() -> bool + Send + Sync + 'static,
    N: Fn(Option<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(String, Option<String>), Failure>> + Send + 'static,
{
    sent(name, parts(stands, text, end.map(Some), next))
}

fn sent(
    name: &str,
    parts: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static,
) -> Response {
    let mut response = Response::new(Body::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let how = format!("attachment; filename=\"{name}\"");
    if let Ok(how) = HeaderValue::from_str(&how) {
        headers.insert(header::CONTENT_DISPOSITION, how);
    }
    response
}

/// What stands before the parts, and the parts from `at` on for as long as `stands` says so.
fn parts<S, F, N>(
    stands: S,
    before: String,
    at: Option<Option<String>>,
    next: N,
) -> impl Stream<Item = Result<Bytes, Failure>>
where
    S: Fn() -> bool,
    N: Fn(Option<String>) -> F,
    F: Future<Output = Result<(String, Option<String>), Failure>>,
{
    let before = stream::iter([Ok(Bytes::from(before))]);
    let parts = stream::try_unfold(at, move |at: Option<Option<String>>| {
        let part = at.map(|at| stands().then(|| next(at)));
        async move {
            let part = match part {
                None => return Ok(None),
                Some(None) => Err(Failure::refused("whoever asked is signed out")),
                Some(Some(part)) => part.await,
            };
            let (text, end) = part.inspect_err(|failure| {
                tracing::error!(event = "download_broke_off", %failure);
            })?;
            Ok::<_, Failure>(Some((Bytes::from(text), end.map(Some))))
        }
    });
    stream::StreamExt::chain(before, parts)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::StreamExt as _;

    use super::*;

    // W21, W37: whoever is signed out gets no more of it, and hears that it is not all.
    #[tokio::test]
    async fn a_file_breaks_off_when_whoever_asked_for_it_is_signed_out() {
        let sent = async |looks: u32| {
            let left = Cell::new(looks);
            let stands = || left.replace(left.get().saturating_sub(1)) > 0;
            let next = async |after: Option<String>| {
                let at: u32 = after.map_or(0, |after| after.parse().unwrap());
                Ok((format!("{at}\r\n"), (at < 4).then(|| (at + 1).to_string())))
            };
            let mut parts =
                std::pin::pin!(parts(stands, String::from('\u{feff}'), Some(None), next));
            let mut sent = Vec::new();
            while let Some(part) = parts.next().await {
                sent.push(part.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
            }
            sent
        };
        let whole = sent(10).await;
        assert!(whole.iter().all(Result::is_ok));
        assert_eq!(whole.into_iter().flatten().skip(1).collect::<String>().lines().count(), 5);
        let part = sent(2).await;
        assert_eq!(part.len(), 4, "{part:?}");
        assert!(part[..3].iter().all(Result::is_ok) && part[3].is_err(), "{part:?}");
    }
}
