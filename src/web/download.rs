//! Files that are made while they are sent, so that however long one is, little of it is in memory.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

use crate::operations::Failure;

/// Sends CSV in parts: `next` is given where the part before ended, and answers with a part and where
/// it ends. Whoever gets less than all of it hears of that: the connection breaks off.
#[must_use]
pub fn csv<F, N>(name: &str, next: N) -> Response
where
    N: Fn(Option<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(String, Option<String>), Failure>> + Send + 'static,
{
    // Spreadsheets take text without a mark for one of another encoding.
    let mark = stream::iter([Ok(Bytes::from_static("\u{feff}".as_bytes()))]);
    let parts = stream::try_unfold(Some(None), move |at: Option<Option<String>>| {
        let part = at.map(&next);
        async move {
            let Some(part) = part else { return Ok(None) };
            let (text, end) = part.await.inspect_err(|failure| {
                tracing::error!(event = "download_broke_off", %failure);
            })?;
            Ok::<_, Failure>(Some((Bytes::from(text), end.map(Some))))
        }
    });
    let mut response = Response::new(Body::from_stream(stream::StreamExt::chain(mark, parts)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let how = format!("attachment; filename=\"{name}\"");
    if let Ok(how) = HeaderValue::from_str(&how) {
        headers.insert(header::CONTENT_DISPOSITION, how);
    }
    response
}
