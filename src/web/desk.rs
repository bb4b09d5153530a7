//! Whom the pages ask.

use std::sync::Arc;

use crate::accounts::{Accounts, AccountsError, Actor, SetupState};
use crate::operations::{Failure, Operations, Reply, Request};

/// Whom the pages ask: for deeds, the one set of them; for who somebody is, the console's accounts.
#[derive(Clone)]
pub struct Desk {
    /// Performs what is asked.
    pub operations: Arc<dyn Operations>,
    /// Who may sign in.
    pub accounts: Arc<Accounts>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// Performs one request.
    ///
    /// # Errors
    /// A [`Failure`] if it was not done.
    pub async fn perform(&self, actor: &Actor, request: Request) -> Result<Reply, Failure> {
        self.operations.perform(actor, request).await
    }

    /// Whether there is an owner, and whether a set-up link serves.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn setup_state(&self) -> Result<SetupState, AccountsError> {
        self.accounts.setup_state()
    }
}
