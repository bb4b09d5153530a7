//! Styles, scripts and icons: part of the program, under names that change with what they hold, so
//! that a browser keeps them for good and never shows an old one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::problem::Problem;

/// Name, media type and text of each.
const FILES: [(&str, &str, &str); 6] = [
    ("style.css", "text/css; charset=utf-8", include_str!("../../templates/assets/style.css")),
    (
        "console.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/console.js"),
    ),
    (
        "directory.js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/directory.js"),
    ),
    ("live.js", "text/javascript; charset=utf-8", include_str!("../../templates/assets/live.js")),
    ("icons.svg", "image/svg+xml", include_str!("../../templates/assets/icons.svg")),
    ("mark.svg", "image/svg+xml", include_str!("../../templates/assets/mark.svg")),
];

/// Digits of the digest that stand in a name.
const DIGITS: usize = 16;

struct Asset {
    kind: &'static str,
    tag: String,
    plain: Bytes,
    /// None where it would be no smaller.
    packed: Option<Bytes>,
}

struct Assets {
    by_name: BTreeMap<String, Asset>,
    /// The path of each, by the name that templates use.
    paths: BTreeMap<&'static str, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut assets = Assets { by_name: BTreeMap::new(), paths: BTreeMap::new() };
    for (name, kind, text) in FILES {
        let digest = Sha256::digest(text.as_bytes());
        let mut tag: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        tag.truncate(DIGITS);
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        let hashed = format!("{stem}.{tag}.{extension}");
        assets.paths.insert(name, format!("/assets/{hashed}"));
        let packed = pack(text.as_bytes()).filter(|packed| packed.len() < text.len());
        let plain = Bytes::from_static(text.as_bytes());
        assets.by_name.insert(hashed, Asset { kind, tag: format!("W/\"{tag}\""), plain, packed });
    }
    assets
});

fn pack(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// The path of an asset, as templates write it.
#[must_use]
pub(super) fn path(name: &str) -> &'static str {
    ASSETS.paths.get(name).map_or("/assets/missing", String::as_str)
}

/// `GET /assets/{name}`. Nothing but the names above exists: no folder, no other spelling.
pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.by_name.get(&name) else {
        return Problem::new(StatusCode::NOT_FOUND, "there is no such file").into_response();
    };
    let lists = |name, wanted: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut items = values.flat_map(|value| value.split(',')).map(str::trim);
        items.any(|item| item.eq_ignore_ascii_case(wanted))
    };
    let mut response = if lists(header::IF_NONE_MATCH, &asset.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let packed = asset.packed.as_ref().filter(|_| lists(header::ACCEPT_ENCODING, "gzip"));
        let mut response = packed.unwrap_or(&asset.plain).clone().into_response();
        if packed.is_some() {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        }
        response
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    out.insert(header::CACHE_CONTROL, forever);
    if let Ok(tag) = HeaderValue::from_str(&asset.tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that the style may weigh on its way.
    const STYLE_BUDGET: usize = 14 * 1024;
    /// The most that a first visit may cost beside the page.
    const BUDGET: usize = 45 * 1024;

    #[test]
    fn the_assets_stay_within_their_budget() {
        let weight = |asset: &Asset| asset.packed.as_ref().map_or(asset.plain.len(), Bytes::len);
        let style = ASSETS.by_name.iter().find(|(name, _)| name.starts_with("style."));
        assert!(style.is_some_and(|(_, asset)| weight(asset) <= STYLE_BUDGET));
        assert!(ASSETS.by_name.values().map(weight).sum::<usize>() <= BUDGET);
    }

    /// Strict policy: what is not in a file of ours does not run, and nothing is fetched elsewhere.
    #[test]
    fn templates_and_assets_hold_nothing_that_the_policy_forbids() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut open = vec![root];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let lower = text.to_lowercase();
                for forbidden in [
                    " style=",
                    " onclick=",
                    " onload=",
                    " onsubmit=",
                    "<style",
                    "javascript:",
                    "eval(",
                    "innerhtml",
                    "outerhtml",
                    "insertadjacent",
                    "document.write",
                    "https://",
                ] {
                    assert!(!lower.contains(forbidden), "{forbidden} in {}", path.display());
                }
                for script in lower.match_indices("<script").map(|(at, _)| &lower[at..]) {
                    assert!(
                        script.starts_with("<script type=\"module\" src="),
                        "{}",
                        path.display()
                    );
                }
            }
        }
    }

    #[test]
    fn every_asset_has_a_path_that_leads_to_it() {
        for (name, ..) in FILES {
            let path = path(name).strip_prefix("/assets/").unwrap();
            assert!(ASSETS.by_name.contains_key(path), "{path}");
        }
    }
}
