//! How PHP takes a command apart: `parse_url`, then `parse_str` (protocol section 7), and what the batch then rewrites.

use std::collections::BTreeMap;

/// PHP's `max_input_vars`, unless somebody set another.
const VARIABLES_MAX: usize = 1000;

/// PHP's `max_input_nesting_level`.
const NESTING_MAX: usize = 64;

/// A parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Php {
    Text(Vec<u8>),
    Map(BTreeMap<Vec<u8>, Php>),
}

/// The method and the parameters that arrive; `None` where `parse_url` makes nothing of it.
pub(super) fn taken_apart(command: &str) -> Option<(String, Php)> {
    let command = command.split('#').next()?;
    let (method, query) = command.split_once('?').unwrap_or((command, ""));
    // What could be a scheme, a host or a port is not read as a method.
    if method.is_empty() || method.contains([':', '/', '@', '\\']) {
        return None;
    }
    let mut parameters = Php::Map(BTreeMap::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()).take(VARIABLES_MAX) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        register(&mut parameters, &unescaped(name), unescaped(value));
    }
    Some((method.to_owned(), parameters))
}

/// `urldecode`.
fn unescaped(text: &str) -> Vec<u8> {
    let (bytes, mut plain) = (text.as_bytes(), Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = hex.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (bytes[at], byte.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            (other, _) => plain.push(other),
        }
        at += 1;
    }
    plain
}

/// `php_register_variable_ex`: what a name with brackets stands for.
fn register(parameters: &mut Php, name: &[u8], value: Vec<u8>) {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let blanks = name.iter().take_while(|byte| **byte == b' ').count();
    let name = &name[blanks..];
    let first_bracket = name.iter().position(|byte| *byte == b'[');
    let (head, mut rest) = name.split_at(first_bracket.unwrap_or(name.len()));
    if head.is_empty() {
        return;
    }
    let mut path: Vec<Option<Vec<u8>>> = vec![Some(plain_name(head))];
    while let Some(inside) = rest.strip_prefix(b"[") {
        let Some(end) = inside.iter().position(|byte| *byte == b']') else {
            // No bracket closes it: it was none, and all of it belongs to the name before.
            if path.len() == 1 {
                let mut whole = plain_name(head);
                whole.push(b'_');
                whole.extend_from_slice(inside);
                path = vec![Some(whole)];
            }
            break;
        };
        let key = &inside[..end];
        let is_blank = matches!(key, [] | [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c]);
        path.push((!is_blank).then(|| key.to_vec()));
        rest = &inside[end + 1..];
    }
    if path.len() - 1 <= NESTING_MAX {
        put(parameters, &path, value);
    }
}

fn plain_name(name: &[u8]) -> Vec<u8> {
    name.iter()
        .map(|byte| if matches!(byte, b' ' | b'.') { b'_' } else { *byte })
        .collect()
}

fn put(into: &mut Php, path: &[Option<Vec<u8>>], value: Vec<u8>) {
    let Some((key, rest)) = path.split_first() else {
        *into = Php::Text(value);
        return;
    };
    if !matches!(into, Php::Map(_)) {
        *into = Php::Map(BTreeMap::new());
    }
    if let Php::Map(fields) = into {
        let number = |key: &Vec<u8>| std::str::from_utf8(key).ok()?.parse::<u64>().ok();
        let next = || {
            fields
                .keys()
                .filter_map(number)
                .max()
                .map_or(0, |last| last.saturating_add(1))
        };
        let key = key.clone().unwrap_or_else(|| next().to_string().into_bytes());
        put(
            fields.entry(key).or_insert_with(|| Php::Map(BTreeMap::new())),
            rest,
            value,
        );
    }
}

/// Whether the batch would put an earlier result in place of a part of the text: `\$(result|next|total|time|error)\S*\[`, in any
/// case, on bytes.
pub(super) fn is_rewritten(text: &[u8]) -> bool {
    (0..text.len()).filter(|at| text[*at] == b'$').any(|at| {
        let rest = text[at + 1..].to_ascii_lowercase();
        let words: [&[u8]; 5] = [b"result", b"next", b"total", b"time", b"error"];
        words.iter().filter_map(|word| rest.strip_prefix(*word)).any(|tail| {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
            tail.iter().take_while(|byte| !blank(byte)).any(|byte| *byte == b'[')
        })
    })
}
