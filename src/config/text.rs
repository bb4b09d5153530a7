//! Values as text: as TOML, and as `--set` and forms take them.

use toml::Value;

/// A value of TOML that stands alone; `None` if the text is none.
#[must_use]
pub fn parse_toml(text: &str) -> Option<Value> {
    let mut table = toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?;
    let value = table.remove("value")?;
    table.is_empty().then_some(value)
}

/// A value as people type it: texts without quotation marks, lists with commas. What that would make
/// something else of stays TOML.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let simple = |item: &Value| {
                let text = item.as_str().filter(|text| !text.starts_with('['))?;
                let stands = !text.is_empty() && text.trim() == text && !text.contains(',');
                stands.then(|| text.to_owned())
            };
            let texts: Option<Vec<String>> = items.iter().map(simple).collect();
            texts.map_or_else(|| value.to_string(), |texts| texts.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Loaded};

    #[test]
    fn what_is_typed_is_read_as_the_value_that_it_stands_for() {
        let config = Config { domain: "campus.test".to_owned(), ..Config::default() };
        let loaded = Loaded::from(config);
        for (key, setting) in loaded.settings() {
            let text = plain(&setting.value);
            assert_eq!(loaded.read(&key, &text), Ok(setting.value), "{key} {text}");
        }
        for (key, toml) in [
            ("sip.name_servers", "[\"[2001:db8::1]:53\", \"192.0.2.1:53\"]"),
            ("identity.md5_only_agents", "[\"a,b\", \" c\"]"),
            ("presence.group_policy", "[{ group = \"staff\", policy = \"allow\" }]"),
        ] {
            let value = parse_toml(toml).unwrap();
            assert_eq!(loaded.read(key, &plain(&value)), Ok(value), "{key}");
        }
    }

    #[test]
    fn a_value_is_one_value() {
        assert_eq!(parse_toml("3"), Some(Value::Integer(3)));
        assert_eq!(parse_toml("3\nother = 4"), None);
        assert_eq!(parse_toml(""), None);
    }
}
