//! JSON by the letter of RFC 8259, by hand: a second opinion on what a body says.
//!
//! Objects keep every field, also where two have one name: what such a body says of that name, nobody can tell.

/// Deeper than any parser here goes.
const DEPTH_MAX: usize = 1000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// What a body says; `None` where it is no JSON, whole and nothing else.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let mut reading = Reading(std::str::from_utf8(body).ok()?);
        let value = reading.value(0)?;
        reading.blanks();
        reading.0.is_empty().then_some(value)
    }

    /// Every value that a field has.
    pub(super) fn all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        match self {
            Self::Map(fields) => fields
                .iter()
                .filter(|(field, _)| field == name)
                .map(|(_, value)| value)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A field that is there once.
    pub(super) fn once<'a>(&'a self, name: &str) -> Option<&'a Self> {
        match self.all(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Whether every parser agrees on it: no name twice, no depth and no number that is beyond anybody.
    pub(super) fn is_tame(&self) -> bool {
        fn within(value: &Json, depth: usize) -> bool {
            depth < 100
                && match value {
                    Json::Null | Json::Bool(_) | Json::Text(_) => true,
                    Json::Number(digits) => digits.len() <= 15 && !digits.contains(['e', 'E']),
                    Json::List(values) => values.iter().all(|value| within(value, depth + 1)),
                    Json::Map(fields) => {
                        let mut names: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
                        names.sort();
                        names.is_sorted_by(|earlier, later| earlier < later)
                            && fields.iter().all(|(_, value)| within(value, depth + 1))
                    }
                }
        }
        within(self, 0)
    }
}

/// What is left to read.
struct Reading<'a>(&'a str);

impl Reading<'_> {
    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.blanks();
        match self.0.as_bytes().first()? {
            b'n' => self.take("null").map(|()| Json::Null),
            b't' => self.take("true").map(|()| Json::Bool(true)),
            b'f' => self.take("false").map(|()| Json::Bool(false)),
            b'"' => self.text().map(Json::Text),
            b'[' => self.list(depth),
            b'{' => self.map(depth),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        self.take("[")?;
        let mut values = Vec::new();
        self.blanks();
        if self.take("]").is_some() {
            return Some(Json::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.blanks();
            if self.take("]").is_some() {
                return Some(Json::List(values));
            }
            self.take(",")?;
        }
    }

    fn map(&mut self, depth: usize) -> Option<Json> {
        self.take("{")?;
        let mut fields = Vec::new();
        self.blanks();
        if self.take("}").is_some() {
            return Some(Json::Map(fields));
        }
        loop {
            self.blanks();
            let name = self.text()?;
            self.blanks();
            self.take(":")?;
            fields.push((name, self.value(depth + 1)?));
            self.blanks();
            if self.take("}").is_some() {
                return Some(Json::Map(fields));
            }
            self.take(",")?;
        }
    }

    fn number(&mut self) -> Option<Json> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let rest = self.0.strip_prefix('-').unwrap_or(self.0);
        let whole = digits(rest);
        if whole == 0 || (whole > 1 && rest.starts_with('0')) {
            return None;
        }
        let mut rest = &rest[whole..];
        if let Some(fraction) = rest.strip_prefix('.') {
            let length = digits(fraction);
            rest = fraction.get(length..).filter(|_| length > 0)?;
        }
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let length = digits(exponent);
            rest = exponent.get(length..).filter(|_| length > 0)?;
        }
        let (number, rest) = self.0.split_at(self.0.len() - rest.len());
        self.0 = rest;
        Some(Json::Number(number.to_owned()))
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            let next = self.0.chars().next()?;
            self.0 = &self.0[next.len_utf8()..];
            match next {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                '\0'..='\u{1f}' => return None,
                other => text.push(other),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let next = self.0.chars().next()?;
        self.0 = &self.0[next.len_utf8()..];
        match next {
            '"' | '\\' | '/' => Some(next),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    // A second half by itself is no character.
                    return char::from_u32(first);
                }
                self.take("\\u")?;
                let second = self.unit()?.checked_sub(0xdc00).filter(|second| *second < 0x400)?;
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
            }
            _ => None,
        }
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self
            .0
            .get(..4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.0 = &self.0[4..];
        u32::from_str_radix(digits, 16).ok()
    }
}
