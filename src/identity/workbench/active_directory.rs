//! What Active Directory says within the text of result 49.

use super::code::Code;

/// The code in `80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 52e, v3839`.
pub(super) fn sub_code(diagnostic: &str) -> Option<&str> {
    let (before, after) = diagnostic.split_once(", data ")?;
    let code = after.split([',', ' ', '\0']).next()?;
    let hexadecimal = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_hexdigit());
    (before.contains("AcceptSecurityContext") && hexadecimal && code.len() <= 8).then_some(code)
}

/// What it means: the Windows error of that number.
pub(super) fn meaning(sub_code: &str) -> Option<Code> {
    Some(match sub_code.to_ascii_lowercase().as_str() {
        "525" => Code::AdUnknown,
        "52e" => Code::AdPassword,
        "530" => Code::AdHours,
        "531" => Code::AdPlace,
        "532" => Code::AdPasswordExpired,
        "533" => Code::AdDisabled,
        "701" => Code::AdExpired,
        "773" => Code::AdMustChange,
        "775" => Code::AdLocked,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_within_result_49_are_read() {
        let text = |code: &str| {
            format!(
                "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data \
                 {code}, v3839\0"
            )
        };
        for (code, means) in [
            ("525", Code::AdUnknown),
            ("52e", Code::AdPassword),
            ("530", Code::AdHours),
            ("531", Code::AdPlace),
            ("532", Code::AdPasswordExpired),
            ("533", Code::AdDisabled),
            ("701", Code::AdExpired),
            ("773", Code::AdMustChange),
            ("775", Code::AdLocked),
        ] {
            let text = text(code);
            assert_eq!(sub_code(&text).and_then(meaning), Some(means), "{code}");
            assert!(means.says().contains(code), "{code}");
        }
        assert_eq!(sub_code(&text("57")), Some("57"));
        assert_eq!(meaning("57"), None);
        for other in ["", ", data ", "invalid credentials", "comment: x, data 52e, v1"] {
            assert_eq!(sub_code(other), None, "{other}");
        }
    }
}
