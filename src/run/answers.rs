//! The portal's answer to one command, in the words of the journal.
//!
//! Pure. The portal's code is kept as it came where it is a code; what is not one is free text, and free text is personal.

use crate::journal::{About, AnswerKind, Recorded};
use crate::personal::Personal;
use crate::portal::{Answer, Doubt, NotExecuted};

/// Characters of a code that is kept in clear.
const CODE_LENGTH_MAX: usize = 64;

/// The kind, the code and the text of an answer.
pub(crate) fn describe(answer: &Answer) -> (AnswerKind, Option<String>, Option<Recorded>) {
    match answer {
        Answer::Yes => (AnswerKind::Yes, None, None),
        Answer::Refused { code, text } if is_code(code) => {
            (AnswerKind::Refused, Some(code.clone()), Some(text.about(About::Nobody)))
        }
        Answer::Refused { code, text } => {
            let both = Personal::new(format!("{code}: {}", text.expose()));
            (AnswerKind::Refused, None, Some(both.about(About::Nobody)))
        }
        Answer::NotExecuted { why } => (AnswerKind::NotExecuted, Some(not_executed(why)), None),
        Answer::Doubt { why } => (AnswerKind::InDoubt, Some(doubt(why)), None),
    }
}

/// Letters, digits and underscores; the empty code is a code (protocol section 1).
fn is_code(code: &str) -> bool {
    code.len() <= CODE_LENGTH_MAX && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn with_code(word: &str, code: &str) -> String {
    if is_code(code) && !code.is_empty() {
        format!("{word}: {code}")
    } else {
        word.to_owned()
    }
}

fn not_executed(why: &NotExecuted) -> String {
    match why {
        NotExecuted::NotConnected => "not connected".to_owned(),
        NotExecuted::QueryLimit => "QUERY_LIMIT_EXCEEDED".to_owned(),
        NotExecuted::OperationLimit { blocked, .. } => format!("OPERATION_TIME_LIMIT of {blocked}"),
        NotExecuted::Overload => "OVERLOAD_LIMIT".to_owned(),
        NotExecuted::Auth { code } => with_code("not authorised", code),
        NotExecuted::Permission { code } => with_code("not permitted", code),
        NotExecuted::Batch { code } => with_code("not a command", code),
    }
}

fn doubt(why: &Doubt) -> String {
    match why {
        Doubt::NoAnswer => "no answer".to_owned(),
        Doubt::Truncated => "the answer broke off".to_owned(),
        Doubt::NotJson => "the answer is not JSON".to_owned(),
        Doubt::Status(status) => format!("HTTP {status} without an error object"),
        Doubt::Error { status, code } => with_code(&format!("HTTP {status}"), code),
        Doubt::Redirected => "redirected".to_owned(),
        Doubt::NotLiteralTrue => "the result is not true".to_owned(),
        Doubt::MissingKey => "neither among the results nor among the errors".to_owned(),
        Doubt::InBothMaps => "among the results and among the errors".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_code_is_kept_as_personal_text() {
        let refused = |code: &str| {
            let (_, code, text) = describe(&Answer::Refused {
                code: code.to_owned(),
                text: Personal::new("text"),
            });
            let Some(Recorded::Open(text, _)) = text else {
                panic!("no text")
            };
            (code, text.expose().to_owned())
        };
        assert_eq!(refused(""), (Some(String::new()), "text".to_owned()));
        assert_eq!(
            refused("ERROR_CORE"),
            (Some("ERROR_CORE".to_owned()), "text".to_owned())
        );
        assert_eq!(refused("Ann Lee: no"), (None, "Ann Lee: no: text".to_owned()));
    }
}
