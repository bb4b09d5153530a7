//! `tagus ban`.

use serde_json::json;

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::operations::{Failure, Reply, Request};

pub(super) fn run(context: &Context, command: cli::Ban) -> Result<(), Failure> {
    match command {
        cli::Ban::List => {
            let Reply::Bans(bans) = context.perform(&Request::BanList)? else {
                return Err(unexpected());
            };
            if context.output.json {
                return context.output.document(&json!({ "bans": bans }));
            }
            let rows: Vec<Vec<String>> = bans
                .into_iter()
                .map(|ban| {
                    let user = ban.user.unwrap_or_else(|| "(all strangers)".to_owned());
                    vec![ban.source.to_string(), user, ban.until]
                })
                .collect();
            context.output.table(&["SOURCE", "ACCOUNT", "UNTIL"], &rows)
        }
        cli::Ban::Lift { source, user, all: _ } => {
            match context.perform(&Request::BanLift { source, user })? {
                Reply::Count(0) => Err(Failure::not_found("there is no such ban")),
                Reply::Count(count) => {
                    let sentence = match count {
                        1 => "1 ban was lifted.".to_owned(),
                        _ => format!("{count} bans were lifted."),
                    };
                    context.output.either(&json!({ "lifted": count }), &sentence)
                }
                _ => Err(unexpected()),
            }
        }
    }
}
