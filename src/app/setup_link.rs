//! Links that make an owner, on their way to somebody: as URLs, and in a file that only who owns the
//! data directory can read, for as long as the link serves.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::administration::refused;
use super::front;
use super::site::Site;
use crate::accounts::Actor;
use crate::clock::WallTime;
use crate::config::Listener;
use crate::operations::{Failure, Secret, SetupUrl};
use crate::store::files;

/// The file's name in the data directory.
const FILE: &str = "setup-link";

/// Makes a link for a console that listens at `web`, in place of the one before.
///
/// # Errors
/// A [`Failure`] if there is no console, or the link cannot be kept.
pub(super) async fn make(
    site: &Site,
    actor: &Actor,
    web: &[Listener],
    is_served: bool,
) -> Result<SetupUrl, Failure> {
    // A port that the system will choose is not known before a server runs.
    let known: Vec<Listener> =
        web.iter().filter(|listener| listener.address.port() != 0).copied().collect();
    let web = known.as_slice();
    if web.is_empty() {
        return Err(Failure::refused(
            "no address for browsers is known: set web.listen, or start the server first",
        ));
    }
    let (token, until) = site.accounts.make_setup_link(actor).await.map_err(refused)?;
    let bases = front::links(web).into_iter().chain(elsewhere(web, &site.config.public_name));
    let urls: Vec<Secret> =
        bases.map(|base| Secret::new(format!("{base}setup/{}", token.as_str()))).collect();
    let file = path(&site.config.data_dir);
    write(&file, &urls, until)?;
    Ok(SetupUrl { urls, until: until.to_string(), file, is_served })
}

/// The same at the start of a server whose console has no owner; `None` where none is needed.
///
/// # Errors
/// As [`make`].
pub(super) async fn offer(site: &Site, web: &[Listener]) -> Result<Option<SetupUrl>, Failure> {
    if web.is_empty() || site.accounts.has_owner().map_err(refused)? {
        return Ok(None);
    }
    let link = make(site, &Actor::server(), web, true).await?;
    let urls: Vec<&str> = link.urls.iter().map(Secret::expose).collect();
    tracing::info!(event = "setup_link", urls = %urls.join(" "), until = %link.until);
    Ok(Some(link))
}

/// Removes the file when its link is used or ends, until this is aborted. One that is older than this
/// server's start is looked at first.
pub(super) async fn keep(site: Arc<Site>) {
    let file = path(&site.config.data_dir);
    loop {
        let until = match site.accounts.setup_state() {
            Ok(state) => state.until,
            Err(error) => {
                tracing::warn!(%error, "the set-up link cannot be looked at");
                return;
            }
        };
        let changed = site.accounts.setup_link_changed();
        match until {
            Some(until) => {
                let left = until.since(site.clock.wall());
                // Ends shortly after the link, not before.
                let ended = tokio::time::sleep(left + std::time::Duration::from_secs(1));
                tokio::select! { () = changed => {} () = ended => {} }
            }
            None => {
                remove(&file);
                changed.await;
            }
        }
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

fn write(file: &Path, urls: &[Secret], until: WallTime) -> Result<(), Failure> {
    let mut text = format!("Serves once, until {until}:\n");
    for url in urls {
        text.push_str(url.expose());
        text.push('\n');
    }
    files::replace(file, text.as_bytes())
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))
}

fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, file = %file.display(), "a used set-up link's file stays");
    }
}

/// The addresses by the name that others know this machine by, of listeners on every interface.
fn elsewhere(web: &[Listener], public_name: &str) -> Vec<String> {
    let open: Vec<&Listener> =
        web.iter().filter(|listener| listener.address.ip().is_unspecified()).collect();
    open.into_iter()
        .map(|listener| front::link_to(listener, public_name))
        .filter(|_| !public_name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_a_listener_on_every_interface_is_reached_by_name() {
        let web: Vec<Listener> =
            ["https://[::]:8443", "http://127.0.0.1:8080"].map(|text| text.parse().unwrap()).into();
        assert_eq!(elsewhere(&web, "im.campus.test"), ["https://im.campus.test:8443/"]);
    }

    #[test]
    fn the_file_is_the_owners_alone_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(folder.path());
        let url = Secret::new("https://127.0.0.1/setup/abc".to_owned());
        write(&file, &[url], WallTime::from_unix_secs(0)).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(
            std::fs::read_to_string(&file).unwrap().ends_with("\nhttps://127.0.0.1/setup/abc\n")
        );
        remove(&file);
        assert!(!file.exists());
        remove(&file);
    }
}
