//! What a job needs of the portal, asked with a client that cannot change anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::failure::Failure;
use super::super::language::said;
use super::super::preflight::{
    clock_offset_ms, clocks_differ, look_for_administrator, look_for_methods, look_for_scopes,
};
use super::super::settings::{Place, PortalAccess};
use super::super::terminal::Terminal;
use super::super::work::{Level, LevelOfOthers, connect};
use super::Check;
use crate::domain::{ActionKind, UserId};
use crate::lock::{Lock, LockError};
use crate::plan::record::Notices;
use crate::portal::{Connection, LevelStore, PortalError, Reader};

/// Less time than this, and somebody should know: a certificate is usually renewed a month before it ends.
const CERTIFICATE_LEFT_MIN: TimeDelta = TimeDelta::days(14);

/// Asks everything. What cannot be known any more, since the portal or the webhook is not there, is left out.
pub(super) async fn look(place: &Place, access: PortalAccess, reads_emails: bool, terminal: &Terminal) -> Vec<Check> {
    let clock = place.surroundings.clock();
    let is_encrypted = access.webhook.is_encrypted();
    let portal = access.webhook.portal();
    let (level, mut checks) = match level(place, &access) {
        Ok(level) => level,
        Err(failure) => return vec![Check::failure("other-run", failure)],
    };
    let notices = Notices::default();
    let connected = connect(terminal, &place.surroundings, &clock, access, &notices, level);
    let connection = match connected {
        Ok(connection) => connection,
        Err(failure) => return vec![Check::failure("portal", failure)],
    };
    let reader = Reader::new(Arc::clone(&connection));
    let owner = match reader.profile().await {
        Ok(profile) => profile.id,
        Err(error) => {
            checks.insert(0, unanswered(error, &portal.0));
            return checks;
        }
    };
    let mut found = vec![
        Check::ok("portal", said(|words| (words.portal_answers)(&portal))),
        certificate(is_encrypted, connection.certificate_end(), clock.utc()),
        Check::ok("owner", said(|words| (words.owner)(owner))),
    ];
    found.extend(rights(&reader, owner, reads_emails).await);
    found.push(match clock_offset_ms(&reader, clock.as_ref()).await {
        Ok(ahead) => clocks(ahead),
        Err(error) => Check::failure("clock", error),
    });
    found.push(requests(&connection));
    found.append(&mut checks);
    found
}

/// The level of the bucket. Where a run has the portal, its level is looked at and left alone; where there never was one, nothing is made.
fn level(place: &Place, access: &PortalAccess) -> Result<(Box<dyn LevelStore>, Vec<Check>), Failure> {
    const NAME: &str = "other-run";
    let none = || Check::ok(NAME, said(|words| words.no_other_run));
    let portal = access.webhook.portal();
    let path = place.paths.lock_of(&portal);
    if !path.exists() {
        return Ok((Box::new(LevelOfOthers(None)), vec![none()]));
    }
    match Lock::take(&path) {
        Ok(lock) => Ok((Box::new(Level(Arc::new(lock))), vec![none()])),
        Err(LockError::Held { process, .. }) => {
            let message = said(|words| (words.other_run)(&process, &portal));
            let check = Check::warning(NAME, message, said(|words| words.other_run_next));
            let written = std::fs::read_to_string(&path).ok();
            Ok((Box::new(LevelOfOthers(written)), vec![check]))
        }
        Err(error) => Err(error.into()),
    }
}

/// Why the first question has no answer: each reason under the name of what it says something about.
fn unanswered(error: PortalError, portal: &str) -> Check {
    let name = match &error {
        PortalError::Tls => "certificate",
        PortalError::Auth { .. } => "owner",
        PortalError::Permission { .. } | PortalError::Tariff { .. } => "tariff",
        _ => "portal",
    };
    let mut failure = Failure::from(error);
    failure.message = failure.message.behind(&format!("{portal}: "));
    Check::failure(name, failure)
}

/// It is trusted, or there would have been no answer. One that ends soon is nobody's mistake yet.
fn certificate(is_encrypted: bool, end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Check {
    const NAME: &str = "certificate";
    if !is_encrypted {
        return Check::ok(NAME, said(|words| words.not_encrypted));
    }
    match end {
        Some(end) if end - now < CERTIFICATE_LEFT_MIN => {
            let days = (end - now).num_days().unsigned_abs();
            let end = end.format("%Y-%m-%d %H:%M UTC").to_string();
            let message = said(|words| (words.certificate_ends)(&end, days));
            Check::warning(NAME, message, said(|words| words.certificate_next))
        }
        _ => Check::ok(NAME, said(|words| words.encrypted)),
    }
}

/// Scopes, plan, administrator: each rests on the one before, and only the first that is missing says anything.
async fn rights(reader: &Reader, owner: UserId, reads_emails: bool) -> Vec<Check> {
    let kinds: BTreeSet<ActionKind> = ActionKind::ALL.iter().copied().collect();
    let mut found = Vec::new();
    match reader
        .scope()
        .await
        .and_then(|scopes| look_for_scopes(&scopes, reads_emails).map(|()| scopes))
    {
        Ok(has) => found.push(scopes(&has)),
        Err(error) => {
            found.push(Check::failure("scopes", error));
            return found;
        }
    }
    match look_for_methods(reader, &kinds).await {
        Ok(()) => found.push(Check::ok("tariff", said(|words| words.has_workflows))),
        Err(error) => {
            found.push(Check::failure("tariff", error));
            return found;
        }
    }
    found.push(match look_for_administrator(reader).await {
        Ok(()) => Check::ok("administrator", said(|words| (words.administrator)(owner))),
        Err(error) => Check::failure("administrator", error),
    });
    found
}

fn scopes(has: &[String]) -> Check {
    const NAME: &str = "scopes";
    let listed = has.join(", ");
    match look_for_scopes(has, true) {
        Ok(()) => Check::ok(NAME, listed),
        Err(_) => Check::warning(
            NAME,
            said(|words| (words.no_emails)(&listed)),
            said(|words| words.no_emails_next),
        ),
    }
}

fn clocks(portal_ahead_ms: i64) -> Check {
    const NAME: &str = "clock";
    match clocks_differ(portal_ahead_ms) {
        None => Check::ok(NAME, said(|words| words.clocks_agree)),
        Some(message) => Check::warning(NAME, message, said(|words| words.clocks_next)),
    }
}

fn requests(connection: &Connection) -> Check {
    const NAME: &str = "requests";
    match connection.room() {
        None => Check::ok(NAME, said(|words| words.requests_unlimited)),
        Some(0) => Check::warning(
            NAME,
            said(|words| words.requests_none),
            said(|words| words.requests_none_next),
        ),
        Some(room) => Check::ok(NAME, said(|words| (words.requests)(room))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::State;

    #[test]
    fn a_certificate_that_ends_within_fourteen_days_is_a_warning() {
        let now: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
        let on = |left: Option<TimeDelta>| certificate(true, left.map(|left| now + left), now);
        let soon = on(Some(TimeDelta::days(9) + TimeDelta::hours(5)));
        assert_eq!(soon.state, State::Warning);
        assert_eq!(
            soon.message.english(),
            "trusted and valid, but only until 2026-12-01 15:00 UTC: 9 days left"
        );
        assert_eq!(
            on(Some(TimeDelta::days(14) - TimeDelta::seconds(1))).state,
            State::Warning
        );
        assert_eq!(on(Some(TimeDelta::days(14))).state, State::Ok);
        // What cannot be read is no reason to warn of.
        assert_eq!(on(None).state, State::Ok);
        assert_eq!(certificate(false, None, now).state, State::Ok);
    }
}
