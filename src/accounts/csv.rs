//! Comma-separated values (RFC 4180): reading and writing.

use std::borrow::Cow;

/// Why a text is not CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// The text ends within quotes.
    #[error("a quoted field does not end")]
    Unterminated,
    /// A quote where none may stand.
    #[error("a quote stands inside a field without quotes, or something after a closing one")]
    Quote,
}

/// One record: the line that it begins on, and its fields.
pub type Record<'a> = (u64, Vec<Cow<'a, str>>);

/// Reads records one by one; blank lines are passed over.
pub struct Records<'a> {
    rest: &'a str,
    line: u64,
    separator: char,
}

impl<'a> Records<'a> {
    /// Spreadsheets of half of Europe separate by semicolons: the header line tells.
    #[must_use]
    pub fn new(text: &'a str) -> Records<'a> {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let header = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let separator = if !header.contains(',') && header.contains(';') { ';' } else { ',' };
        Records { rest, line: 1, separator }
    }

    fn field(&mut self) -> Result<(Cow<'a, str>, bool), CsvError> {
        let separator = self.separator;
        let Some(mut inside) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([separator, '\n']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            if field.contains('"') {
                return Err(CsvError::Quote);
            }
            self.rest = rest;
            return Ok((Cow::Borrowed(field.strip_suffix('\r').unwrap_or(field)), self.more()));
        };
        let mut field = Cow::Borrowed("");
        loop {
            let end = inside.find('"').ok_or(CsvError::Unterminated)?;
            let (part, rest) = inside.split_at(end);
            self.line += part.matches('\n').count() as u64;
            if field.is_empty() {
                field = Cow::Borrowed(part);
            } else {
                field.to_mut().push_str(part);
            }
            let rest = &rest[1..];
            match rest.strip_prefix('"') {
                Some(rest) => {
                    field.to_mut().push('"');
                    inside = rest;
                }
                None => {
                    self.rest = match rest.strip_prefix('\r') {
                        Some(after) if after.is_empty() || after.starts_with('\n') => after,
                        _ => rest,
                    };
                    break;
                }
            }
        }
        if !self.rest.is_empty() && !self.rest.starts_with([separator, '\n']) {
            return Err(CsvError::Quote);
        }
        Ok((field, self.more()))
    }

    /// Passes the end of a field; whether another one of the record follows.
    fn more(&mut self) -> bool {
        if let Some(rest) = self.rest.strip_prefix(self.separator) {
            self.rest = rest;
            return true;
        }
        if let Some(rest) = self.rest.strip_prefix('\n') {
            self.rest = rest;
            self.line += 1;
        }
        false
    }

    /// Goes on after the next line end, where something was wrong.
    fn skip_line(&mut self) {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.line += u64::from(end > 0);
        self.rest = &self.rest[end..];
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, (u64, CsvError)>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let line = self.line;
            let mut fields = Vec::new();
            loop {
                match self.field() {
                    Ok((field, more)) => {
                        fields.push(field);
                        if !more {
                            break;
                        }
                    }
                    Err(error) => {
                        self.skip_line();
                        return Some(Err((line, error)));
                    }
                }
            }
            if fields.iter().any(|field| !field.trim().is_empty()) {
                return Some(Ok((line, fields)));
            }
        }
        None
    }
}

/// Whether a spreadsheet would take a text for a formula.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// A text as it is written for spreadsheets: with an apostrophe before what they would take for a
/// formula and run.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text.trim_start_matches('\'')) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that was written so.
#[must_use]
pub fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => text,
    }
}

/// Writes one record for spreadsheets ([`guarded`]).
pub fn write_guarded(fields: &[&str], out: &mut String) {
    let fields: Vec<Cow<'_, str>> = fields.iter().map(|field| guarded(field)).collect();
    write(&fields.iter().map(|field| &**field).collect::<Vec<_>>(), out);
}

/// Writes one record.
pub fn write(fields: &[&str], out: &mut String) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let plain = !field.contains(['"', ',', ';', '\n', '\r'])
            && !field.starts_with([' ', '\t', '\u{feff}'])
            && !field.ends_with([' ', '\t']);
        if plain {
            out.push_str(field);
        } else {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row = Result<(u64, Vec<String>), (u64, CsvError)>;

    fn read(text: &str) -> Vec<Row> {
        let owned = |fields: Vec<Cow<'_, str>>| fields.into_iter().map(Cow::into_owned).collect();
        Records::new(text).map(|r| r.map(|(line, fields)| (line, owned(fields)))).collect()
    }

    fn fields(line: u64, fields: &[&str]) -> Row {
        Ok((line, fields.iter().map(|f| (*f).to_owned()).collect()))
    }

    /// RFC 4180 s2.
    #[test]
    fn records_are_read_with_quotes_line_ends_and_their_lines() {
        let text = "\u{feff}user,name\r\nalice,\"A, \"\"A\"\"\"\r\n\n\"b\nb\",\r\nc,\"\"\n";
        let expected = [
            fields(1, &["user", "name"]),
            fields(2, &["alice", "A, \"A\""]),
            fields(4, &["b\nb", ""]),
            fields(6, &["c", ""]),
        ];
        assert_eq!(read(text), expected);
        assert_eq!(read("a;b\n1;\"2,3\""), [fields(1, &["a", "b"]), fields(2, &["1", "2,3"])]);
        assert_eq!(read(""), []);
        assert_eq!(read("\r\n\r\n"), []);
    }

    #[test]
    fn a_bad_record_is_told_with_its_line_and_the_next_one_is_read() {
        let text = "a,b\nx\"y,1\nc,\"d\"e\nf,g\n\"open";
        let expected = [
            fields(1, &["a", "b"]),
            Err((2, CsvError::Quote)),
            Err((3, CsvError::Quote)),
            fields(4, &["f", "g"]),
            Err((5, CsvError::Unterminated)),
        ];
        assert_eq!(read(text), expected);
    }

    /// Spreadsheets run what begins so.
    #[test]
    fn no_cell_is_a_formula_and_each_comes_back_as_it_was() {
        for cell in ["=1+1", "+351239802101", "-2", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''+1"] {
            let mut line = String::new();
            write_guarded(&[cell, "x"], &mut line);
            assert!(line.starts_with(['\'', '"']), "{line}");
            let fields = read(&line).remove(0).unwrap().1;
            assert!(fields[0].starts_with('\''), "{line}");
            assert_eq!(unguarded(&fields[0]), cell);
        }
        for cell in ["", "O'Neil", "'quoted'", "a=b", "'"] {
            assert_eq!((&*guarded(cell), unguarded(cell)), (cell, cell));
        }
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back(cell in "['=+@a\t-]{0,5}") {
            let written = guarded(&cell);
            prop_assert!(!is_formula(&written));
            prop_assert_eq!(unguarded(&written), cell.as_str());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "([a-c\",;\r\n]|\\PC){0,60}") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(proptest::collection::vec("([a\",;\r\n ]|\\PC){0,8}", 2..5), 1..5)) {
            // A record that is blank throughout is a blank line.
            prop_assume!(rows.iter().all(|row| row.iter().any(|field| !field.trim().is_empty())));
            let mut text = "user,name\r\n".to_owned();
            for row in &rows {
                write(&row.iter().map(String::as_str).collect::<Vec<_>>(), &mut text);
            }
            let read: Vec<Vec<String>> = read(&text).into_iter().skip(1).map(|r| r.unwrap().1).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
