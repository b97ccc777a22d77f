//! The portal's error codes: what each of them says about whether something was done, and what to do next.
//!
//! Codes are matched exactly; texts are in the portal's language and are never matched. Source: protocol section 11.

use serde_json::{Map, Value};

use super::error::PortalError;
use super::method::Method;
use crate::personal::Personal;

/// An error object of the portal, at the top of an answer or of one command of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ErrorBody {
    /// The code. May be empty, and is an error all the same.
    pub(super) code: String,
    /// The text for people, in the portal's language.
    pub(super) text: Personal,
}

impl ErrorBody {
    /// The error that an object reports. It reports one when it has the key `error`, whatever the value.
    pub(super) fn of(object: &Map<String, Value>) -> Option<Self> {
        let error = object.get("error")?;
        let text = match object.get("error_description").or_else(|| error.get("message")) {
            Some(Value::String(text)) => text.as_str(),
            _ => "",
        };
        let code = match error {
            // REST v3 nests it.
            Value::Object(nested) => nested.get("code").unwrap_or(&Value::Null),
            plain => plain,
        };
        Some(Self {
            code: tidy(code),
            text: Personal::new(text),
        })
    }
}

/// Longest code that is kept. The longest known one has 34 characters.
const CODE_LENGTH_MAX: usize = 64;

/// A code as it can be journaled in clear: a code is a word, and what is none could be anybody's data.
fn tidy(code: &Value) -> String {
    let code = match code {
        Value::String(code) => code.clone(),
        Value::Number(code) => code.to_string(),
        _ => String::new(),
    };
    let is_word = code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if is_word && code.len() <= CODE_LENGTH_MAX {
        code
    } else {
        "unreadable-code".to_owned()
    }
}

/// What a code means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// Too many requests: not executed, later again.
    QueryLimit,
    /// Too much operating time of one method: not executed, later again.
    OperationLimit,
    /// The manual block by Bitrix24: not executed, and never again.
    Overload,
    /// The webhook is not accepted: not executed.
    Auth,
    /// The webhook's owner may not: not executed.
    Permission,
    /// The webhook lacks a scope: not executed.
    Scope,
    /// The plan lacks it, or there is no such method: not executed.
    Tariff,
    /// The command as such is refused before anything happens: not executed.
    Command,
    /// The server failed: nothing is known, reads may be repeated.
    Server,
    /// Anything else, the empty code included: an error from inside the method.
    Other,
}

/// What a code means.
pub(super) fn class(code: &str) -> Class {
    match code {
        "QUERY_LIMIT_EXCEEDED" => Class::QueryLimit,
        "OPERATION_TIME_LIMIT" => Class::OperationLimit,
        "OVERLOAD_LIMIT" => Class::Overload,
        "expired_token"
        | "invalid_token"
        | "NO_AUTH_FOUND"
        | "INVALID_CREDENTIALS"
        | "authorization_error"
        | "APPLICATION_NOT_FOUND"
        | "invalid_grant"
        | "invalid_client"
        | "PORTAL_DELETED" => Class::Auth,
        "ACCESS_DENIED" | "user_access_error" | "METHOD_CONFIRM_WAITING" | "METHOD_CONFIRM_DENIED" => Class::Permission,
        "insufficient_scope" | "invalid_scope" => Class::Scope,
        "WRONG_LICENSE" | "PAYMENT_REQUIRED" | "ERROR_METHOD_NOT_FOUND" => Class::Tariff,
        "ERROR_BATCH_LENGTH_EXCEEDED" | "ERROR_BATCH_METHOD_NOT_ALLOWED" | "ERROR_WRONG_WORKFLOW_ID" => Class::Command,
        "INTERNAL_SERVER_ERROR" | "ERROR_UNEXPECTED_ANSWER" => Class::Server,
        _ => Class::Other,
    }
}

/// What an error object at the top of an answer means. There, 401 and 403 speak for themselves when the code is unknown.
pub(super) fn class_at_top(code: &str, status: u16) -> Class {
    match (class(code), status) {
        (Class::Other, 401) => Class::Auth,
        (Class::Other, 403) => Class::Permission,
        (Class::Other, 500..) => Class::Server,
        (class, _) => class,
    }
}

/// The error that ends the job, where a code calls for it.
pub(super) fn stop(class: Class, code: &str, method: Method) -> Option<PortalError> {
    let code = || code.to_owned();
    match class {
        Class::Overload => Some(PortalError::Overload),
        Class::Auth => Some(PortalError::Auth { code: code() }),
        Class::Permission => Some(PortalError::Permission { method, code: code() }),
        Class::Scope => Some(PortalError::Scope {
            missing: method.scope().unwrap_or("user` or `bizproc").to_owned(),
        }),
        Class::Tariff => Some(PortalError::Tariff { method, code: code() }),
        Class::Command => Some(PortalError::Unexpected {
            asked: method.to_string(),
            problem: format!("it refuses the command itself ({})", code()),
        }),
        Class::QueryLimit | Class::OperationLimit | Class::Server | Class::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> Option<ErrorBody> {
        let Value::Object(object) = serde_json::from_str(json).unwrap() else {
            panic!("not an object")
        };
        ErrorBody::of(&object)
    }

    #[test]
    fn the_presence_of_the_key_is_the_error() {
        for (json, code) in [
            (r#"{"result": true}"#, None),
            (r#"{"error": ""}"#, Some("")),
            (r#"{"error": null}"#, Some("")),
            (r#"{"error": false, "result": true}"#, Some("")),
            (r#"{"error": 0}"#, Some("0")),
            (r#"{"error": "ACCESS_DENIED"}"#, Some("ACCESS_DENIED")),
            (
                r#"{"error": {"code": "BITRIX_REST_V3_EXCEPTION_X", "message": "m"}}"#,
                Some("BITRIX_REST_V3_EXCEPTION_X"),
            ),
            (r#"{"error": "Anna Petrova was not found"}"#, Some("unreadable-code")),
        ] {
            assert_eq!(body(json).map(|error| error.code).as_deref(), code, "{json}");
        }
        assert_eq!(
            body(r#"{"error": "", "error_description": "Не найден"}"#)
                .unwrap()
                .text
                .expose(),
            "Не найден"
        );
    }

    #[test]
    fn a_status_decides_only_where_the_code_is_unknown() {
        for (code, status, expected) in [
            ("NEW_CODE", 401, Class::Auth),
            ("NEW_CODE", 403, Class::Permission),
            ("", 403, Class::Permission),
            ("NEW_CODE", 400, Class::Other),
            ("NEW_CODE", 500, Class::Server),
            ("OPERATION_TIME_LIMIT", 403, Class::OperationLimit),
            ("INVALID_CREDENTIALS", 500, Class::Auth),
            ("OVERLOAD_LIMIT", 503, Class::Overload),
            ("QUERY_LIMIT_EXCEEDED", 503, Class::QueryLimit),
        ] {
            assert_eq!(class_at_top(code, status), expected, "{code} {status}");
        }
    }
}
