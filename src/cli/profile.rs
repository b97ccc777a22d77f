//! The configuration file: a table for each portal, `[portal.NAME]`, for whoever looks after several.
//!
//! Only the portal that is asked for by name counts; but the whole file has to be right, so that a mistyped key is never silently
//! ignored. A webhook's URL is a password: the file may only say in which other file it is.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::chosen::{Chosen, Origin};
use super::failure::Failure;
use super::language::Language;
use super::settings::parse_rate;
use super::text::printable;
use crate::exit::Exit;
use crate::portal::Rate;

/// What a table of a portal may hold.
const KEYS: &str = "host, webhook_file, ca_file, db, key_file, policy, rate, burst and lang";

/// Why a webhook may not stand in the configuration file.
const NO_WEBHOOK: &str = "a webhook's URL is a password and has no place in this file: put it into a file of its own that nobody \
                          else can read (chmod 600), and name that one with webhook_file";

/// Bytes that are read of a configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the configuration file says about one portal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    /// `host[:port]` in lower case: where the webhook has to lead.
    pub(crate) host: Option<Chosen<String>>,
    pub(crate) webhook_file: Option<Chosen<PathBuf>>,
    pub(crate) ca_file: Option<Chosen<PathBuf>>,
    pub(crate) db: Option<Chosen<PathBuf>>,
    pub(crate) key_file: Option<Chosen<PathBuf>>,
    pub(crate) policy: Option<Chosen<PathBuf>>,
    pub(crate) rate: Option<Chosen<Rate>>,
    pub(crate) burst: Option<Chosen<u32>>,
    pub(crate) lang: Option<Chosen<Language>>,
}

/// All portals of a configuration file, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Configuration(pub(crate) BTreeMap<String, Profile>);

/// Something in the file that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mistake {
    line: usize,
    what: String,
}

impl Configuration {
    /// Reads the file; none where there is none.
    pub(crate) fn read(path: &Path, home: Option<&Path>) -> Result<Option<Self>, Failure> {
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => parse(&text, path, home).map(Some).map_err(|mistakes| {
                let lines = mistakes
                    .iter()
                    .map(|mistake| format!("\n  line {}: {}", mistake.line, mistake.what));
                failure(format!(
                    "the configuration file {} cannot be used; nothing was asked:{}",
                    path.display(),
                    lines.collect::<String>()
                ))
                .next("correct the file, then: offboard24 config explain")
            }),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(failure(format!(
                "the configuration file {} cannot be read: {cause}. Nothing was asked",
                path.display()
            ))
            .next("let this user read it, or leave out --portal and OFFBOARD24_PORTAL")),
        }
    }

    /// The portal of this name.
    pub(crate) fn profile(self, name: &Chosen<String>, path: &Path) -> Result<Profile, Failure> {
        let Self(mut profiles) = self;
        if let Some(profile) = profiles.remove(&name.value) {
            return Ok(profile);
        }
        let known: Vec<String> = profiles.keys().map(|name| printable(name)).collect();
        let known = match known.as_slice() {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        Err(failure(format!(
            "{} names the portal {}, which is not in {}: there is {known}. Nothing was asked",
            name.origin,
            printable(&name.value),
            path.display()
        ))
        .next("name one that is there, or write a table for it: [portal.NAME]"))
    }
}

fn failure(message: String) -> Failure {
    Failure::new("configuration", Exit::Usage, message)
}

/// Reads the text of a configuration file, or tells all that is wrong with it.
fn parse(text: &str, path: &Path, home: Option<&Path>) -> Result<Configuration, Vec<Mistake>> {
    let mut reading = Reading {
        text,
        path,
        home,
        mistakes: Vec::new(),
    };
    let profiles = match DeTable::parse(text) {
        Ok(table) => reading.portals(table.get_ref()),
        Err(cause) => {
            let start = cause.span().map_or(0, |span| span.start);
            reading.mistake(start, format!("not TOML: {}", cause.message()));
            BTreeMap::new()
        }
    };
    reading.mistakes.sort_by_key(|mistake| mistake.line);
    if reading.mistakes.is_empty() {
        Ok(Configuration(profiles))
    } else {
        Err(reading.mistakes)
    }
}

/// A file that is being read.
struct Reading<'a> {
    text: &'a str,
    path: &'a Path,
    home: Option<&'a Path>,
    mistakes: Vec<Mistake>,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl Reading<'_> {
    fn line(&self, start: usize) -> usize {
        self.text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
    }

    fn mistake(&mut self, start: usize, what: impl Into<String>) {
        let line = self.line(start);
        self.mistakes.push(Mistake {
            line,
            what: what.into(),
        });
    }

    fn portals(&mut self, table: &DeTable<'_>) -> BTreeMap<String, Profile> {
        let mut profiles = BTreeMap::new();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref().as_table()) {
                ("portal", Some(portals)) => {
                    for (name, value) in portals {
                        let profile = self.profile(name.span().start, value);
                        profiles.insert(name.get_ref().to_string(), profile);
                    }
                }
                ("portal", None) => self.mistake(key.span().start, "a portal is a table with a name: [portal.NAME]"),
                (other, _) => {
                    let what = format!(
                        "unknown key {}; there are only tables of portals: [portal.NAME]",
                        printable(other)
                    );
                    self.mistake(key.span().start, what);
                }
            }
        }
        profiles
    }

    fn profile(&mut self, start: usize, value: &Value<'_>) -> Profile {
        let mut profile = Profile::default();
        let Some(table) = value.get_ref().as_table() else {
            self.mistake(start, "a portal is a table with a name: [portal.NAME]");
            return profile;
        };
        for (key, value) in table {
            let key_start = key.span().start;
            match key.get_ref().as_ref() {
                "host" => profile.host = self.host(key_start, value),
                "webhook_file" => profile.webhook_file = self.file(key_start, value),
                "ca_file" => profile.ca_file = self.file(key_start, value),
                "db" => profile.db = self.file(key_start, value),
                "key_file" => profile.key_file = self.file(key_start, value),
                "policy" => profile.policy = self.file(key_start, value),
                "rate" => profile.rate = self.rate(key_start, value),
                "burst" => profile.burst = self.burst(key_start, value),
                "lang" => profile.lang = self.language(key_start, value),
                "webhook" => self.mistake(key_start, NO_WEBHOOK),
                other => {
                    let what = format!("unknown key {}; a portal has {KEYS}", printable(other));
                    self.mistake(key_start, what);
                }
            }
        }
        profile
    }

    fn chosen<T>(&self, start: usize, value: T) -> Chosen<T> {
        let origin = Origin::File {
            path: self.path.to_owned(),
            line: self.line(start),
        };
        Chosen { value, origin }
    }

    /// A text that is not empty and no webhook.
    fn text(&mut self, start: usize, value: &Value<'_>) -> Option<Chosen<String>> {
        match value.get_ref().as_str() {
            Some(text) if text.contains("/rest/") || text.contains("://") => self.mistake(start, NO_WEBHOOK),
            Some(text) if !text.is_empty() => return Some(self.chosen(start, text.to_owned())),
            _ => self.mistake(start, "a text in quotes belongs here"),
        }
        None
    }

    /// A host as webhooks name it.
    fn host(&mut self, start: usize, value: &Value<'_>) -> Option<Chosen<String>> {
        let text = self.text(start, value)?;
        Some(text.map(|host| host.to_lowercase()))
    }

    /// The path of a file: from the folder of the configuration file, or from the home folder behind `~/`.
    fn file(&mut self, start: usize, value: &Value<'_>) -> Option<Chosen<PathBuf>> {
        let text = self.text(start, value)?;
        let file = match (text.value.strip_prefix("~/"), self.home) {
            (Some(below), Some(home)) => home.join(below),
            _ => self.path.with_file_name(&text.value),
        };
        Some(text.map(|_| file))
    }

    fn language(&mut self, start: usize, value: &Value<'_>) -> Option<Chosen<Language>> {
        match value.get_ref().as_str().unwrap_or_default().parse() {
            Ok(language) => Some(self.chosen(start, language)),
            Err(why) => {
                self.mistake(start, format!("lang: {why}"));
                None
            }
        }
    }

    fn rate(&mut self, start: usize, value: &Value<'_>) -> Option<Chosen<Rate>> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            _ => String::new(),
        };
        match parse_rate(&text) {
            Ok(rate) => Some(self.chosen(start, rate)),
            Err(why) => {
                self.mistake(start, format!("rate: {why}"));
                None
            }
        }
    }

    fn burst(&mut self, start: usize, value: &Value<'_>) -> Option<Chosen<u32>> {
        let number = value.get_ref().as_integer().map(ToString::to_string);
        let burst = number.and_then(|number| number.parse().ok()).filter(|burst| *burst > 0);
        if burst.is_none() {
            self.mistake(start, "burst: a number of requests belongs here, at least 1");
        }
        burst.map(|burst| self.chosen(start, burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "/home/ann/.config/offboard24/config.toml";

    fn parsed(text: &str) -> Result<Configuration, Vec<Mistake>> {
        parse(text, Path::new(FILE), Some(Path::new("/home/ann")))
    }

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let mistakes = parsed(text).unwrap_err().into_iter();
        mistakes.map(|mistake| (mistake.line, mistake.what)).collect()
    }

    #[test]
    fn every_key_of_a_portal_is_read_with_its_line() {
        let text = "[portal.acme]\nhost = \"Acme.Bitrix24.com\"\nwebhook_file = \"acme.webhook\"\nca_file = \"/etc/ca.pem\"\n\
                    db = \"~/acme.db\"\nkey_file = \"key\"\npolicy = \"../policy.toml\"\nrate = 0.5\nburst = 10\nlang = \"ru\"\n\n[portal.\"b c\"]\nrate = \"unlimited\"\n";
        let Configuration(mut profiles) = parsed(text).unwrap();
        let acme = profiles.remove("acme").unwrap();
        let chosen = |line| Origin::File {
            path: FILE.into(),
            line,
        };
        let file = |path: &str, line| {
            Some(Chosen {
                value: PathBuf::from(path),
                origin: chosen(line),
            })
        };
        let expected = Profile {
            host: Some(Chosen {
                value: "acme.bitrix24.com".to_owned(),
                origin: chosen(2),
            }),
            webhook_file: file("/home/ann/.config/offboard24/acme.webhook", 3),
            ca_file: file("/etc/ca.pem", 4),
            db: file("/home/ann/acme.db", 5),
            key_file: file("/home/ann/.config/offboard24/key", 6),
            policy: file("/home/ann/.config/offboard24/../policy.toml", 7),
            rate: Some(Chosen {
                value: Rate::PerSecond(0.5),
                origin: chosen(8),
            }),
            burst: Some(Chosen {
                value: 10,
                origin: chosen(9),
            }),
            lang: Some(Chosen {
                value: Language::Russian,
                origin: chosen(10),
            }),
        };
        assert_eq!(acme, expected);
        assert_eq!(profiles["b c"].rate.as_ref().unwrap().value, Rate::Unlimited);
    }

    #[test]
    fn all_mistakes_are_told_at_once_each_with_its_line() {
        let text = "colour = 1\n[portal.acme]\nwebhok_file = \"x\"\nrate = 0.01\nburst = 0\ndb = 7\nca_file = \"\"\n[portal.acme.more]\n";
        let lines: Vec<usize> = mistakes(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6, 7, 8]);
        assert!(mistakes(text)[1].1.contains("webhok_file"));
        for (text, line) in [
            ("\n\nportal = 1", 3),
            ("[portal]\nacme = 1", 2),
            ("[[portal]]", 1),
            ("[portal.a]\nrate = 1\nrate = 2", 3),
            ("[portal.a]\n\nrate = ", 3),
            ("[portal.a]\nburst = 1.5", 2),
            ("[portal.a]\nrate = true", 2),
            ("[portal.a]\nlang = \"de\"", 2),
            ("[portal.a]\nlang = 1", 2),
        ] {
            assert_eq!(mistakes(text)[0].0, line, "{text}");
        }
    }

    #[test]
    fn a_webhook_in_the_file_is_refused_and_not_repeated() {
        let url = "https://acme.bitrix24.com/rest/1/s3cr3tt0ken/";
        for key in ["webhook", "webhook_file", "host", "db"] {
            let found = mistakes(&format!("[portal.acme]\n{key} = \"{url}\"\n"));
            assert_eq!(found, [(2, NO_WEBHOOK.to_owned())], "{key}");
        }
    }
}
