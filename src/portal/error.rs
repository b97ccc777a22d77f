//! Why the portal could not be asked, in the words of the person who has to act on it.
//!
//! No message holds a secret or a personal value: what was asked is told by ids, or as "a user by e-mail".

use super::connection::WaitReason;
use super::method::Method;

/// Why an answer could not be had. Each message says what happened and what it means; [`PortalError::next`] says what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PortalError {
    /// The portal does not accept the webhook.
    #[error(
        "the portal does not accept the webhook ({code}): it was deleted, changed or has expired, or its owner was \
         dismissed. Nothing more is sent"
    )]
    Auth {
        /// The portal's code.
        code: String,
    },
    /// The webhook's owner may not call the method.
    #[error(
        "the portal refuses {method} ({code}): the webhook's owner is not an administrator, or the portal's plan has no \
         REST API. Nothing more is sent"
    )]
    Permission {
        /// The method that was refused.
        method: Method,
        /// The portal's code.
        code: String,
    },
    /// The webhook lacks a scope.
    #[error("the webhook lacks the scope `{missing}`. Nothing more is sent")]
    Scope {
        /// The scope to add.
        missing: String,
    },
    /// The portal's plan does not have it.
    #[error(
        "the portal does not offer {method} ({code}): its plan has no REST API or no workflows, or the webhook's address \
         is wrong. Nothing more is sent"
    )]
    Tariff {
        /// The method that is missing.
        method: Method,
        /// The portal's code.
        code: String,
    },
    /// Bitrix24's support has blocked the portal's REST API by hand (`OVERLOAD_LIMIT`).
    #[error(
        "Bitrix24 has blocked the REST API of this portal by hand (OVERLOAD_LIMIT). Waiting does not end it and nothing \
         more is sent"
    )]
    Overload,
    /// A redirect, which is never followed: it would lose the request's body.
    #[error(
        "the portal answers with a redirect{}: it was renamed, or the webhook's address is wrong. The redirect was not \
         followed",
        host.as_ref().map(|host| format!(" to {host}")).unwrap_or_default()
    )]
    Redirected {
        /// Where to, without path and token.
        host: Option<String>,
    },
    /// Something else than a portal answers.
    #[error(
        "what answers at the webhook's address is no Bitrix24 portal (HTTP {status}, and nothing that its REST API says). \
         Only the question whose webhook it is was sent there"
    )]
    NoPortal {
        /// The HTTP status.
        status: u16,
    },
    /// The portal's certificate is not trusted here.
    #[error(
        "no trusted connection to the portal: its certificate is not trusted on this machine, has expired, or does not \
         fit its name. Nothing was sent"
    )]
    Tls,
    /// No connection.
    #[error("the portal cannot be reached ({attempts} attempts): no connection. What is recorded stays valid")]
    Unreachable {
        /// How often it was tried in a row.
        attempts: u32,
    },
    /// The portal is there, but does not give an answer for now.
    #[error(
        "the portal gave no answer to {asked} ({attempts} attempts, the last: {reason}). What is recorded stays valid"
    )]
    Temporary {
        /// What was asked.
        asked: String,
        /// Why the last attempt brought nothing.
        reason: WaitReason,
        /// How often it was tried in a row.
        attempts: u32,
    },
    /// The portal answered with more or with something else than was asked.
    #[error(
        "the portal's answer to {asked} is not about what was asked: {came}. It ignored the condition, and acting on such \
         an answer would hit the wrong workflows, so the job stops here. Nothing of this answer is used"
    )]
    Widened {
        /// What was asked.
        asked: String,
        /// What came instead.
        came: &'static str,
    },
    /// The portal answered something that cannot be read, or refused a question for a reason of its own.
    #[error("the portal's answer to {asked} cannot be used: {problem}. Nothing of this answer is used")]
    Unexpected {
        /// What was asked.
        asked: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The connection cannot be set up as configured.
    #[error("{problem}. Nothing was sent")]
    Settings {
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A command that must not be put into a batch, or an empty condition. A mistake of this program.
    #[error("refused to send {asked}: {problem}. Nothing was sent. This is a bug")]
    Unsendable {
        /// What was to be sent.
        asked: String,
        /// Why not.
        problem: &'static str,
    },
}

impl PortalError {
    /// What the person who reads the message does next.
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Auth { .. } | Self::Permission { .. } => {
                "put the URL of an administrator's inbound webhook into OFFBOARD24_WEBHOOK and type the same command again; \
                 for a job that had begun: offboard24 resume"
            }
            Self::Scope { .. } => {
                "tick the scope in the webhook's settings and type the same command again; for a job that had begun: \
                 offboard24 resume"
            }
            Self::Tariff { .. } => {
                "compare the webhook's URL with the one in the portal, then ask whoever manages the subscription"
            }
            Self::Overload => "ask Bitrix24's support, then: offboard24 resume",
            Self::Redirected { .. } => {
                "make a webhook at the new address; a job belongs to its address, so plan again there"
            }
            Self::NoPortal { .. } => {
                "compare the host in the webhook's URL with the portal's. If it was wrong, whoever answers there has seen \
                 the webhook: delete it in the portal and make a new one; for a job that had begun, then: offboard24 resume"
            }
            Self::Tls => {
                "for a self-hosted portal, name its authority's certificate with --ca-file; one that has expired has to be renewed"
            }
            Self::Unreachable { .. } => {
                "check the host in the webhook's URL, network, VPN and HTTPS_PROXY, and type the same command again; for a job that had begun: offboard24 resume"
            }
            Self::Temporary { .. } => {
                "wait a while and type the same command again; for a job that had begun: offboard24 resume"
            }
            Self::Widened { .. } => {
                "if users were asked for by e-mail, give the webhook the scope `user` (with `user_brief` the portal ignores \
                 e-mails), or put user ids into the roster; then type the same command again"
            }
            Self::Unexpected { .. } => {
                "type the same command again; if it stays so, the portal differs from what this program knows"
            }
            Self::Settings { .. } => "correct the setting and type the same command again",
            Self::Unsendable { .. } => "report it, with what `-v` prints",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_says_what_happened_what_it_means_and_what_to_do() {
        let (code, asked) = ("CODE".to_owned(), "the question for user 29".to_owned());
        let errors = [
            PortalError::Auth { code: code.clone() },
            PortalError::Permission {
                method: Method::Kill,
                code: code.clone(),
            },
            PortalError::Scope {
                missing: "bizproc".to_owned(),
            },
            PortalError::Tariff {
                method: Method::Kill,
                code,
            },
            PortalError::Overload,
            PortalError::Redirected {
                host: Some("new.example".to_owned()),
            },
            PortalError::Redirected { host: None },
            PortalError::NoPortal { status: 404 },
            PortalError::Tls,
            PortalError::Unreachable { attempts: 8 },
            PortalError::Temporary {
                asked: asked.clone(),
                reason: WaitReason::NoAnswer,
                attempts: 8,
            },
            PortalError::Widened {
                asked: asked.clone(),
                came: "another user",
            },
            PortalError::Unexpected {
                asked: asked.clone(),
                problem: "it is no list".to_owned(),
            },
            PortalError::Settings {
                problem: "the rate has to be above 0 requests a second".to_owned(),
            },
            PortalError::Unsendable {
                asked,
                problem: "what to look for is blank",
            },
        ];
        let messages: Vec<String> = errors
            .iter()
            .map(|error| format!("{error}\nnext: {}", error.next()))
            .collect();
        insta::assert_snapshot!(messages.join("\n\n"));
    }
}
