//! The portal's answer to one command, in the words of the journal.
//!
//! Pure. A code is a word that the client has vouched for; the portal's text is free text, and free text is personal.

use crate::journal::{About, AnswerKind, Recorded};
use crate::portal::{Answer, Doubt, NotExecuted};

/// The kind, the code and the text of an answer.
pub(crate) fn describe(answer: &Answer) -> (AnswerKind, Option<String>, Option<Recorded>) {
    match answer {
        Answer::Yes => (AnswerKind::Yes, None, None),
        Answer::Refused { code, text } => (AnswerKind::Refused, Some(code.clone()), Some(text.about(About::Nobody))),
        Answer::NotExecuted { why } => (AnswerKind::NotExecuted, Some(not_executed(why)), None),
        Answer::Doubt { why } => (AnswerKind::InDoubt, Some(doubt(why)), None),
    }
}

fn with_code(word: &str, code: &str) -> String {
    if code.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {code}")
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
