//! Who the generator plays.

use std::path::Path;

use super::BenchError;
use crate::text;

/// One person.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The user part of the address, also the Digest user name.
    pub user: String,
    /// The Digest password.
    pub password: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Puts a number into a pattern: `{}` as it is, `{:05}` with zeros in front.
///
/// # Errors
/// [`BenchError::Pattern`] if the pattern has no such place.
pub fn fill(pattern: &str, number: usize) -> Result<String, BenchError> {
    let bad = || BenchError::Pattern(pattern.to_owned());
    let (before, rest) = pattern.split_once('{').ok_or_else(bad)?;
    let (format, after) = rest.split_once('}').ok_or_else(bad)?;
    let width = match format.strip_prefix(":0") {
        Some(width) => width.parse().ok().filter(|width| *width <= 20).ok_or_else(bad)?,
        None if format.is_empty() || format == ":" => 0,
        None => return Err(bad()),
    };
    Ok(format!("{before}{number:0width$}{after}"))
}

/// People made from two patterns, numbered from 0.
///
/// # Errors
/// [`BenchError::Pattern`], [`BenchError::User`].
pub fn numbered(user: &str, password: &str, count: usize) -> Result<Vec<Person>, BenchError> {
    (0..count)
        .map(|number| {
            check(Person { user: fill(user, number)?, password: fill(password, number)? })
        })
        .collect()
}

/// People from a file: a line each, user and password parted by a colon, comma, semicolon or white
/// space. Lines that begin with `#` are passed over.
///
/// # Errors
/// [`BenchError::File`], [`BenchError::User`].
pub fn read(path: &Path, count: usize) -> Result<Vec<Person>, BenchError> {
    let failed = |error: &dyn std::fmt::Display| {
        BenchError::File(path.display().to_string(), error.to_string())
    };
    let content = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let mut people = Vec::new();
    for line in content.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(2, |c: char| ":,;".contains(c) || c.is_whitespace());
        let (Some(user), Some(password)) = (parts.next(), parts.next()) else {
            return Err(failed(&"a line without a password"));
        };
        people.push(check(Person { user: user.to_owned(), password: password.to_owned() })?);
    }
    if people.len() < count {
        return Err(failed(&format_args!("only {} people", people.len())));
    }
    people.truncate(count);
    Ok(people)
}

/// User names are written into URIs and quoted strings as they are.
fn check(person: Person) -> Result<Person, BenchError> {
    if text::is_token(person.user.as_bytes()) {
        Ok(person)
    } else {
        Err(BenchError::User(person.user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_pad_with_zeros() {
        assert_eq!(fill("p{:05}", 42).unwrap(), "p00042");
        assert_eq!(fill("p{}x", 42).unwrap(), "p42x");
        for wrong in ["p", "p{", "p{:x}", "p{:099}", "p{5}"] {
            assert!(fill(wrong, 1).is_err(), "{wrong}");
        }
        assert!(numbered("a b{}", "s{}", 1).is_err());
    }

    #[test]
    fn a_file_names_people_and_passwords_in_several_spellings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "# people\nana:a:b\nbo;x\ncy y\n").unwrap();
        let people = read(&path, 3).unwrap();
        let pairs: Vec<_> = people.iter().map(|p| (p.user.as_str(), p.password.as_str())).collect();
        assert_eq!(pairs, [("ana", "a:b"), ("bo", "x"), ("cy", "y")]);
        assert!(read(&path, 4).is_err());
    }
}
