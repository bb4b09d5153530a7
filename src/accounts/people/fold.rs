//! How texts are compared that people search for: without case and without accents.
//!
//! Compatibility decomposition (Unicode's NFKD), marks left out, lower case, and the few letters that
//! have no decomposition but are typed as others: `ß` is `ss`, `ø` is `o`, `ł` is `l`. The four Turkish
//! letters `I`, `İ`, `ı`, `i` are one, as whoever types without a Turkish keyboard expects. Names of
//! accounts are not compared so: there each spelling is another person.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

const DECOMPOSED: DecomposingNormalizerBorrowed<'static> =
    DecomposingNormalizerBorrowed::new_nfkd();
const CLASSES: CanonicalCombiningClassMapBorrowed<'static> =
    CanonicalCombiningClassMapBorrowed::new();

/// The form of a text that is searched and sorted by.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in DECOMPOSED.normalize_iter(text.chars()) {
        // Marks above and below a letter have a class; signs of other scripts that are read have none.
        if CLASSES.get_u8(c) != 0 {
            continue;
        }
        for c in c.to_lowercase().filter(|c| CLASSES.get_u8(*c) == 0) {
            match plain(c) {
                Some(letters) => folded.push_str(letters),
                None => folded.push(c),
            }
        }
    }
    folded
}

/// What is typed for letters that no decomposition takes apart.
const fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'ς' => "σ",
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_make_no_difference() {
        for (one, other) in [
            ("João Gonçalves", "joao goncalves"),
            ("JOA\u{303}O", "joão"),
            ("Ångström", "angstrom"),
            ("Straße", "STRASSE"),
            ("Łukasz Øre", "lukasz ore"),
            ("Œuvre", "oeuvre"),
            ("ＡＬＩＣＥ", "alice"),
            ("ﬁnn", "FINN"),
            ("Σωκράτης", "ΣΩΚΡΑΤΗΣ"),
            ("O\u{2019}Neil", "o'neil"),
            // The four letters of Turkish.
            ("IŞIK İnci", "ışık inci"),
            ("Isik", "ışık"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
        assert_ne!(fold("ana"), fold("ane"));
        // Vowel signs that are read stay.
        assert_ne!(fold("कि"), fold("क"));
    }

    proptest::proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in "\\PC{0,12}") {
            let once = fold(&text);
            proptest::prop_assert_eq!(fold(&once), once);
        }
    }
}
