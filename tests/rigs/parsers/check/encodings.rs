//! What arrives of a command: what was meant, by PHP's rules.
//!
//! An input is a small program of bytes that makes parameters and texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use offboard24::domain::{ActionKind, WorkflowId};
use offboard24::personal::Personal;
use offboard24::portal::{self, Destroy, Destroyer, Look, Method, Reader, Reply, UserQuery};
use serde_json::{Map, Value};

use super::php::{self, Php};
use super::portal::{Stand, run};
use super::{Checked, ensure};

/// More commands than a batch holds.
const COMMANDS_MAX: usize = 52;

/// Checks one input.
pub(crate) fn check(input: &[u8]) -> Checked {
    let mut bytes = Bytes(input);
    match bytes.byte() % 4 {
        0 => destroying(&mut bytes),
        1 => questions(&mut bytes),
        _ => parameters(&mut bytes),
    }
}

/// What is left of an input. At its end it is zeros.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.byte() % 16 {
            0 if self.0.is_empty() => Value::from("x"),
            0..=5 => Value::from(self.text()),
            6 => Value::from(i64::from_le_bytes([(); 8].map(|()| self.byte()))),
            7 => Value::from(self.byte().is_multiple_of(2)),
            8 => Value::Null,
            9 => Value::from(f64::from(self.byte()) / 4.0),
            10 => Value::from(u64::MAX - u64::from(self.byte())),
            11 if depth > 0 => {
                let many = self.byte();
                // More than PHP reads, now and then.
                let length = if many == 255 { 1001 } else { usize::from(many % 4) };
                (0..length).map(|_| self.value(depth - 1)).collect()
            }
            12..=15 if depth > 0 => {
                let fields = self.byte() % 4;
                (0..fields)
                    .map(|_| (self.text(), self.value(depth - 1)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            _ => Value::from("x"),
        }
    }
}

/// Any parameters: they arrive as they are, or are refused for a reason.
fn parameters(bytes: &mut Bytes<'_>) -> Checked {
    let depth = if bytes.byte() == 255 { 70 } else { 4 };
    let fields = 1 + bytes.byte() % 4;
    let parameters: Map<String, Value> = (0..fields).map(|_| (bytes.text(), bytes.value(depth))).collect();
    let parameters = Value::from(parameters);
    let Some(command) = portal::encoded(Method::UserGet, &parameters) else {
        ensure(is_unsayable(&parameters, 0), || {
            format!("{parameters} is refused without a reason")
        })?;
        return Ok(vec!["cannot be said"]);
    };
    arrives(&command, "user.get", &meant(&parameters), &parameters)?;
    Ok(vec!["arrived"])
}

/// Whether a batch cannot say it.
fn is_unsayable(value: &Value, depth: usize) -> bool {
    depth > 50
        || match value {
            Value::Null => true,
            Value::Bool(_) => false,
            Value::Number(number) => number.is_f64(),
            Value::String(text) => php::is_rewritten(text.as_bytes()) || text.contains('$'),
            Value::Array(values) => {
                values.is_empty() || values.len() > 50 || values.iter().any(|value| is_unsayable(value, depth + 1))
            }
            Value::Object(fields) => {
                let is_odd = |name: &String| {
                    name.is_empty()
                        || name.contains(['[', ']', '\0'])
                        || name.trim().is_empty()
                        || (depth == 0 && !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_'))
                };
                fields.is_empty()
                    || fields
                        .iter()
                        .any(|(name, value)| is_odd(name) || is_unsayable(value, depth + 1))
            }
        }
}

/// What a value is to PHP.
fn meant(value: &Value) -> Php {
    match value {
        Value::Object(fields) => Php::Map(
            fields
                .iter()
                .map(|(name, value)| (name.clone().into_bytes(), meant(value)))
                .collect(),
        ),
        Value::Array(values) => {
            let numbered = values.iter().enumerate();
            Php::Map(
                numbered
                    .map(|(index, value)| (index.to_string().into_bytes(), meant(value)))
                    .collect(),
            )
        }
        Value::String(text) => Php::Text(text.clone().into_bytes()),
        Value::Bool(flag) => Php::Text(if *flag { b"1".to_vec() } else { b"0".to_vec() }),
        other => Php::Text(other.to_string().into_bytes()),
    }
}

/// The command is the method with these parameters, to PHP.
fn arrives(command: &str, method: &str, meant: &Php, shown: &dyn std::fmt::Debug) -> Result<(), String> {
    ensure(command.is_ascii(), || format!("{command} is not plain"))?;
    let Some((called, arrived)) = php::taken_apart(command) else {
        return Err(format!("PHP makes nothing of {command}"));
    };
    ensure(called == method && arrived == *meant, || {
        format!("{shown:?} is sent as {command} and arrives as {called} {arrived:?}")
    })?;
    ensure(!has_reference(&arrived), || {
        format!("{command} is rewritten by the portal")
    })
}

fn has_reference(value: &Php) -> bool {
    match value {
        Php::Text(text) => php::is_rewritten(text),
        Php::Map(fields) => fields.values().any(has_reference),
    }
}

/// Destroying batches: each command arrives for its workflow, or nothing is sent.
fn destroying(bytes: &mut Bytes<'_>) -> Checked {
    let number = 1 + usize::from(bytes.byte()) % COMMANDS_MAX;
    let commands: Vec<Destroy> = (0..number)
        .map(|index| {
            let odd = bytes.byte();
            let workflow = if odd.is_multiple_of(4) {
                bytes.text()
            } else {
                format!("67a2ffdb2c57a{index}.35276854")
            };
            Destroy {
                key: if odd % 16 == 1 {
                    bytes.text()
                } else {
                    format!("k{index}")
                },
                kind: if odd.is_multiple_of(2) {
                    ActionKind::Kill
                } else {
                    ActionKind::Terminate
                },
                workflow: workflow
                    .parse()
                    .unwrap_or_else(|_| WorkflowId::try_from("a.1".to_owned()).unwrap()),
                status: (odd % 8 > 2).then(|| bytes.text()),
            }
        })
        .collect();
    let stand = Stand::new(Box::new(|_, _| Ok(said("{\"result\":{\"result\":[]}}"))));
    let sent = run(Destroyer::new(stand.connection()).send(&commands, &Look::default()))?;
    let asked = stand.asked();
    let Some((method, body)) = asked.first() else {
        ensure(sent.stop.is_some(), || {
            "nothing is sent, and nothing is said".to_owned()
        })?;
        let mut keys: Vec<&str> = commands.iter().map(|command| command.key.as_str()).collect();
        keys.sort_unstable();
        let are_distinct = keys.is_sorted_by(|earlier, later| earlier < later);
        let is_odd = |command: &Destroy| {
            let begins = command.key.starts_with(|first: char| first.is_ascii_alphabetic());
            let status = command.status.as_deref().unwrap_or_default();
            !begins
                || !command
                    .key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                || status.contains('$')
        };
        ensure(!are_distinct || number > 50 || commands.iter().any(is_odd), || {
            format!("{commands:?} is not sent without a reason")
        })?;
        return Ok(vec!["not sent"]);
    };
    ensure(asked.len() == 1 && *method == Method::Batch, || format!("{asked:?}"))?;
    ensure(body["halt"] == 0, || format!("{body}"))?;
    let cmd = body["cmd"].as_object().ok_or("there are no commands")?;
    ensure(cmd.len() == commands.len() && cmd.len() <= 50, || {
        format!("{} commands", cmd.len())
    })?;
    for command in &commands {
        let text = cmd
            .get(&command.key)
            .and_then(Value::as_str)
            .ok_or("a command is lost")?;
        let is_text = command.key.parse::<i64>().is_err();
        ensure(is_text, || format!("the key {} becomes a number", command.key))?;
        let mut parameters = Map::new();
        parameters.insert("ID".to_owned(), Value::from(command.workflow.as_str()));
        if let (ActionKind::Terminate, Some(status)) = (command.kind, &command.status) {
            parameters.insert("STATUS".to_owned(), Value::from(status.as_str()));
        }
        let method = match command.kind {
            ActionKind::Kill => "bizproc.workflow.kill",
            ActionKind::Terminate => "bizproc.workflow.terminate",
        };
        arrives(text, method, &meant(&Value::from(parameters)), command)?;
    }
    Ok(vec!["sent"])
}

fn said(body: &str) -> Reply {
    Reply {
        status: 200,
        redirect_host: None,
        body: body.as_bytes().to_vec(),
    }
}

/// Questions for people, with whatever a roster holds: exactly that is asked.
fn questions(bytes: &mut Bytes<'_>) -> Checked {
    let (first, second) = (bytes.text(), bytes.text());
    let by_name = bytes.byte().is_multiple_of(2);
    let query = if by_name {
        UserQuery::Name {
            first: Personal::new(first.as_str()),
            last: Personal::new(second.as_str()),
        }
    } else {
        UserQuery::Email(Personal::new(first.as_str()))
    };
    let stand: Arc<Stand> = Stand::new(Box::new(|_, method| {
        Ok(said(if method == Method::Batch {
            "{\"result\":{\"result\":{\"q0\":[]},\"result_error\":[]}}"
        } else {
            "{\"result\":[]}"
        }))
    }));
    let read = run(Reader::new(stand.connection()).users(&[query]))?;
    let asked = stand.asked();
    let is_blank = |text: &str| text.trim().is_empty();
    let names_nobody = is_blank(&first) || (by_name && is_blank(&second));
    let Some((method, body)) = asked.first() else {
        ensure(names_nobody && read.is_err(), || {
            format!("{first:?} {second:?} is not asked: {read:?}")
        })?;
        return Ok(vec!["not asked"]);
    };
    ensure(!names_nobody && asked.len() == 1, || {
        format!("{first:?} {second:?} is asked: {asked:?}")
    })?;
    let mut filter: BTreeMap<Vec<u8>, Php> = BTreeMap::new();
    let mut add = |name: &str, text: &str| filter.insert(name.as_bytes().to_vec(), Php::Text(text.as_bytes().to_vec()));
    if by_name {
        add("=NAME", &first);
        add("=LAST_NAME", &second);
    } else {
        add("=EMAIL", &first);
    }
    add(">ID", "0");
    let fits = |parameters: &Php| match parameters {
        Php::Map(fields) => {
            let text = |name: &str| match fields.get(name.as_bytes()) {
                Some(Php::Text(text)) => text.clone(),
                _ => Vec::new(),
            };
            fields.get(&b"FILTER"[..]) == Some(&Php::Map(filter.clone()))
                && text("SORT") == b"ID"
                && text("ORDER") == b"ASC"
                && text("ADMIN_MODE") == b"1"
                && text("start") == b"-1"
                && fields.len() == 6
        }
        Php::Text(_) => false,
    };
    if *method == Method::Batch {
        let command = body["cmd"]["q0"].as_str().ok_or("the question is lost")?;
        let (called, arrived) = php::taken_apart(command).ok_or("PHP makes nothing of it")?;
        ensure(called == "user.get" && fits(&arrived), || {
            format!("{first:?} {second:?} arrives as {arrived:?}")
        })?;
        ensure(!has_reference(&arrived), || {
            format!("{command} is rewritten by the portal")
        })?;
        Ok(vec!["asked in a batch"])
    } else {
        // JSON needs no encoding, and a direct call is not searched for references.
        ensure(*method == Method::UserGet && fits(&meant(body)), || format!("{body}"))?;
        ensure(first.contains('$') || second.contains('$'), || {
            format!("{first:?} goes alone")
        })?;
        Ok(vec!["asked alone"])
    }
}
