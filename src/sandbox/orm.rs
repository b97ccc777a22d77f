//! Filters as the portal's newer database layer reads them: `user.get` and `bizproc.workflow.instances`.
//!
//! Pure. The main danger is here: a text without prefix is compared with `LIKE`. (`bizproc.task.list` goes through an
//! older layer with rules of its own.)

use super::behaviour::{Behaviour, PlainFilter};
use super::collation::Collation;
use super::php::{Php, PhpArray};

/// What a prefix asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// No prefix: `LIKE` for texts, equality for numbers.
    Bare,
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// `%`: substring.
    Substring,
    /// `=%` and `%=`: `LIKE`.
    Like,
    /// `@`.
    In,
}

/// A prefix: an operator, perhaps negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) negated: bool,
    pub(crate) operator: Operator,
}

/// What a field of a row holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'a> {
    Null,
    Text(&'a str),
    Int(i64),
}

/// How a portal's database compares texts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts {
    collation: Collation,
    plain: PlainFilter,
}

impl Texts {
    pub(crate) fn of(behaviour: Behaviour) -> Self {
        Self {
            collation: Collation {
                yo: behaviour.yo,
                accents: behaviour.accents,
                trailing_blanks: behaviour.trailing_blanks,
            },
            plain: behaviour.plain_filter,
        }
    }
}

impl Prefix {
    /// Reads a prefix; `None`: the layer does not know it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let operator = match rest {
            "" => Operator::Bare,
            "=" => Operator::Equal,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            "%" => Operator::Substring,
            "=%" | "%=" => Operator::Like,
            "@" => Operator::In,
            _ => return None,
        };
        Some(Self { negated, operator })
    }

    /// Whether a row passes. A negated condition passes NULL.
    pub(crate) fn passes(self, held: Held<'_>, wanted: &Php, texts: Texts) -> bool {
        let plain = match wanted.as_array() {
            Some(values) => self.passes_one_of(held, values, texts),
            None => self.passes_plainly(held, wanted, texts),
        };
        if !self.negated {
            return plain;
        }
        match held {
            Held::Null => !is_blank(wanted),
            _ => !plain,
        }
    }

    fn passes_one_of(self, held: Held<'_>, values: &PhpArray, texts: Texts) -> bool {
        // An OR of no parts is no condition at all; an IN of nothing selects nothing.
        (values.is_empty() && self.operator == Operator::Bare)
            || values.iter().any(|(_, value)| self.passes_plainly(held, value, texts))
    }

    fn passes_plainly(self, held: Held<'_>, wanted: &Php, texts: Texts) -> bool {
        match held {
            Held::Null => is_blank(wanted) && self.asks_for_sameness(),
            Held::Text(text) => self.passes_text(text, wanted, texts),
            Held::Int(number) => self.passes_int(number, wanted.to_int()),
        }
    }

    fn asks_for_sameness(self) -> bool {
        matches!(self.operator, Operator::Bare | Operator::Equal | Operator::In)
    }

    fn passes_text(self, text: &str, wanted: &Php, texts: Texts) -> bool {
        let collation = texts.collation;
        let wanted = wanted.to_text();
        let order = || collation.folded(text).cmp(&collation.folded(&wanted));
        let digits_only = !wanted.is_empty() && wanted.bytes().all(|byte| byte.is_ascii_digit());
        match self.operator {
            Operator::Bare if wanted.is_empty() => text.is_empty(),
            Operator::Bare if digits_only || texts.plain == PlainFilter::Exact => collation.equal(text, &wanted),
            Operator::Bare | Operator::Like => collation.like(text, &wanted),
            Operator::Equal | Operator::In => collation.equal(text, &wanted),
            Operator::Substring => collation.contains(text, &wanted),
            Operator::Greater => order().is_gt(),
            Operator::GreaterOrEqual => order().is_ge(),
            Operator::Less => order().is_lt(),
            Operator::LessOrEqual => order().is_le(),
        }
    }

    fn passes_int(self, number: i64, wanted: i64) -> bool {
        match self.operator {
            Operator::Bare | Operator::Equal | Operator::In | Operator::Like => number == wanted,
            Operator::Substring => number.to_string().contains(&wanted.to_string()),
            Operator::Greater => number > wanted,
            Operator::GreaterOrEqual => number >= wanted,
            Operator::Less => number < wanted,
            Operator::LessOrEqual => number <= wanted,
        }
    }
}

fn is_blank(wanted: &Php) -> bool {
    match wanted {
        Php::Null | Php::Bool(false) => true,
        Php::Text(text) => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(prefix: &str, held: Held<'_>, wanted: impl Into<Php>) -> bool {
        Prefix::parse(prefix)
            .unwrap()
            .passes(held, &wanted.into(), Texts::default())
    }

    #[test]
    fn a_bare_text_is_a_pattern_and_a_prefixed_one_is_not() {
        let jadoe = Held::Text("jadoe@x.com");
        let cases = [
            ("", "j_doe@x.com", true),
            ("", "%", true),
            ("=", "j_doe@x.com", false),
            ("=", "JADOE@X.COM", true),
            ("%", "_doe", false),
            ("%", "doe", true),
            ("=%", "ja%", true),
            ("!", "ja%", false),
            ("!=", "ja%", true),
            ("@", "jadoe@x.com", true),
            ("", "", false),
        ];
        for (prefix, wanted, expected) in cases {
            assert_eq!(passes(prefix, jadoe, wanted), expected, "{prefix}{wanted}");
        }
    }

    #[test]
    fn a_blank_condition_selects_blank_fields() {
        assert!(passes("", Held::Null, "") && passes("=", Held::Null, "") && passes("", Held::Text(""), ""));
        assert!(!passes("", Held::Null, "x") && passes("!", Held::Null, "x"));
    }

    #[test]
    fn arrays_are_alternatives() {
        let list = |values: &[&str]| Php::Array(PhpArray::list(values.iter().map(|value| Php::from(*value))));
        assert!(passes("=", Held::Text("b"), list(&["a", "b"])));
        assert!(!passes("!@", Held::Text("b"), list(&["a", "b"])));
        assert!(
            passes("", Held::Text("b"), list(&[])),
            "an OR of nothing is no condition"
        );
        assert!(!passes("=", Held::Text("b"), list(&[])));
    }

    #[test]
    fn numbers_are_cast_before_they_are_compared() {
        assert!(passes("", Held::Int(12), "12abc") && passes(">", Held::Int(13), "12abc"));
        assert_eq!(
            Prefix::parse("!=%"),
            Some(Prefix {
                negated: true,
                operator: Operator::Like
            })
        );
        assert_eq!(Prefix::parse("?"), None);
    }
}
