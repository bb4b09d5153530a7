//! What a browser is called, for people: what it sends of itself is long and names most others, too.

use super::live;

/// Programs, each with what gives it away; the most particular ones first.
const PROGRAMS: [(&str, &str); 10] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// Systems, in the same way.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The program with its version and the system, or what it says where that names none.
pub(super) fn name(agent: &str) -> String {
    let program = PROGRAMS.into_iter().find_map(|(mark, name)| {
        let (_, rest) = agent.split_once(mark)?;
        let version: String = rest.chars().take_while(char::is_ascii_digit).take(4).collect();
        Some(if version.is_empty() { name.to_owned() } else { format!("{name} {version}") })
    });
    let system = SYSTEMS.into_iter().find(|(mark, _)| agent.contains(mark));
    match (program, system) {
        (Some(program), Some((_, system))) => format!("{program} · {system}"),
        (Some(program), None) => program,
        (None, _) => live::cut(agent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_by_its_own_name() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox 140 · Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge 140 · Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like \
                 Gecko) Version/18.5 Safari/605.1.15",
                "Safari 18 · macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
                "Chrome 140 · iPhone",
            ),
            ("curl/8.14.1", "curl/8.14.1"),
            ("Chrome/", "Chrome"),
            ("", ""),
        ] {
            assert_eq!(name(agent), expected, "{agent}");
        }
        assert!(name(&"x".repeat(10_000)).len() < 500);
    }
}
