//! Commands that go on for a while and tell what happens.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::context::{Context, runtime};
use crate::operations::Failure;

/// Runs one: prints each notice that it tells, as JSON or in the words of `sentence`, and stops it on
/// SIGINT and SIGTERM. `failure` gives its errors their exit codes.
pub(super) fn perform<N: Serialize, E>(
    context: &Context,
    sentence: impl Fn(&N) -> String,
    failure: impl FnOnce(E) -> Failure,
    command: impl AsyncFnOnce(&mut dyn FnMut(N), Pin<Box<dyn Future<Output = ()>>>) -> Result<(), E>,
) -> Result<(), Failure> {
    let mut printed = Ok(());
    let mut tell = |notice: N| {
        if printed.is_ok() {
            printed = context.output.either(&notice, &sentence(&notice));
        }
    };
    let result = runtime()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let stop = Box::pin(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        command(&mut tell, stop).await.map_err(failure)
    });
    result.and(printed)
}
