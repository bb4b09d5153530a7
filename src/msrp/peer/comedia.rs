//! Who connects (RFC 4975 s8.5, RFC 6135): the values of `a=setup`, and what they come to.

/// A value of `a=setup` (RFC 4145 s4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Connects.
    Active,
    /// Is connected to.
    Passive,
    /// Either.
    ActPass,
}

impl Setup {
    /// Reads the attribute's value. `holdconn` and what is unknown count as if the attribute were not
    /// there (RFC 6135 s4.2.1).
    #[must_use]
    pub fn parse(value: &str) -> Option<Setup> {
        let known = [Setup::Active, Setup::Passive, Setup::ActPass];
        known.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(value.trim()))
    }

    /// The attribute's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
        }
    }

    /// What we offer (RFC 6135 s4.2.2): never `passive`.
    #[must_use]
    pub const fn offered(reachable: bool) -> Setup {
        if reachable { Setup::ActPass } else { Setup::Active }
    }

    /// What we answer, if we can be reached or not, to what was offered. `None`: neither side can be
    /// reached, and only a relay helps.
    #[must_use]
    pub fn answered(offer: Option<Setup>, reachable: bool) -> Option<Setup> {
        match (offer, reachable) {
            // Without the attribute the offerer connects (RFC 4975 s8.5).
            (None | Some(Setup::Active | Setup::ActPass), true) => Some(Setup::Passive),
            (Some(Setup::ActPass | Setup::Passive), _) => Some(Setup::Active),
            (None | Some(Setup::Active), false) => None,
        }
    }
}

/// Whether we connect, having made the offer, to who answered so.
#[must_use]
pub fn offerer_connects(answer: Option<Setup>) -> bool {
    answer != Some(Setup::Active)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6135 s4.2.1
    #[test]
    fn holdconn_counts_as_if_it_were_not_there() {
        assert_eq!(Setup::parse("holdconn"), None);
        assert_eq!(Setup::parse("ActPass"), Some(Setup::ActPass));
        for one in [Setup::Active, Setup::Passive, Setup::ActPass] {
            assert_eq!(Setup::parse(one.as_str()), Some(one));
        }
    }

    // RFC 6135 s4.2.2
    #[test]
    fn passive_is_never_offered_and_exactly_one_side_connects() {
        for reachable in [true, false] {
            let offer = Setup::offered(reachable);
            assert_ne!(offer, Setup::Passive);
            for peer_reachable in [true, false] {
                if let Some(answer) = Setup::answered(Some(offer), peer_reachable) {
                    let answerer_connects = answer == Setup::Active;
                    assert_ne!(answerer_connects, offerer_connects(Some(answer)));
                    assert!(if answerer_connects { reachable } else { peer_reachable });
                }
            }
        }
    }

    // RFC 4975 s8.5
    #[test]
    fn without_the_attribute_the_offerer_connects() {
        assert!(offerer_connects(None));
        assert_eq!(Setup::answered(None, true), Some(Setup::Passive));
        assert_eq!(Setup::answered(None, false), None);
    }
}
