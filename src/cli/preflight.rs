//! What a command asks the portal before anything else: whether the webhook can do what will be needed. `check` asks the same.
//!
//! Only reads.

use std::collections::BTreeSet;

use super::language::{Said, said};
use crate::clock::Clock;
use crate::domain::{ActionKind, UserId};
use crate::portal::{Method, PortalError, Profile, Reader};

/// Seconds between two clocks that are worth a note.
const CLOCKS_DIFFER_MIN: u64 = 60;

/// What a command is going to need of the portal.
pub(crate) struct Needs {
    pub(crate) kinds: BTreeSet<ActionKind>,
    /// Whether e-mails have to be read: to find somebody, to see that an e-mail beside an id agrees, or for a rule of the policy.
    pub(crate) reads_emails: bool,
}

/// Rights, scopes, methods and clock: what would only come out in the middle of a run otherwise. Gives the webhook's owner, and by how
/// many milliseconds the portal's clock is ahead of ours.
pub(crate) async fn preflight(reader: &Reader, needs: &Needs, clock: &dyn Clock) -> Result<(UserId, i64), PortalError> {
    let profile = reader.profile().await?;
    let ahead = ahead_ms(&profile, clock);
    look_for_scopes(&reader.scope().await?, needs.reads_emails)?;
    look_for_methods(reader, &needs.kinds).await?;
    look_for_administrator(reader).await?;
    let ahead = match ahead {
        Some(ahead) => ahead,
        None => clock_offset_ms(reader, clock).await?,
    };
    Ok((profile.id, ahead))
}

/// Whether the scopes suffice.
pub(crate) fn look_for_scopes(scopes: &[String], reads_emails: bool) -> Result<(), PortalError> {
    let has = |wanted: &[&str]| scopes.iter().any(|scope| wanted.contains(&scope.as_str()));
    if !has(&["bizproc"]) {
        return Err(PortalError::Scope {
            missing: "bizproc".to_owned(),
        });
    }
    if !has(&["user", "user_basic"]) && (reads_emails || !has(&["user_brief"])) {
        return Err(PortalError::Scope {
            missing: "user".to_owned(),
        });
    }
    Ok(())
}

/// Whether the portal's plan has what ends workflows.
pub(crate) async fn look_for_methods(reader: &Reader, kinds: &BTreeSet<ActionKind>) -> Result<(), PortalError> {
    for kind in kinds {
        let method = Method::from(*kind);
        let state = reader.method_available(method.as_str()).await?;
        if !state.exists {
            let code = "ERROR_METHOD_NOT_FOUND".to_owned();
            return Err(PortalError::Tariff { method, code });
        }
        if !state.available {
            let code = "not available to this webhook".to_owned();
            return Err(PortalError::Permission { method, code });
        }
    }
    Ok(())
}

/// Whether the webhook's owner may end workflows: by the same test that the portal puts before `kill`.
pub(crate) async fn look_for_administrator(reader: &Reader) -> Result<(), PortalError> {
    if !reader.can_administer_workflows().await? {
        return Err(PortalError::Permission {
            method: Method::Instances,
            code: "ACCESS_DENIED".to_owned(),
        });
    }
    Ok(())
}

/// By how many milliseconds the portal's clock is ahead of ours, as soon as it has answered, where the answer shows it.
fn ahead_ms(profile: &Profile, clock: &dyn Clock) -> Option<i64> {
    Some((profile.clock?.to_utc() - clock.utc()).num_milliseconds())
}

/// The same, asked for.
pub(crate) async fn clock_offset_ms(reader: &Reader, clock: &dyn Clock) -> Result<i64, PortalError> {
    let ahead = reader.server_time().await?.to_utc() - clock.utc();
    Ok(ahead.num_milliseconds())
}

/// What to say when the portal's clock is ahead of ours, or behind it, by more than could be the network's doing.
pub(crate) fn clocks_differ(portal_ahead_ms: i64) -> Option<Said> {
    let seconds = (portal_ahead_ms.unsigned_abs() + 500) / 1000;
    if seconds < CLOCKS_DIFFER_MIN {
        return None;
    }
    Some(said(|words| (words.clocks_differ)(seconds, portal_ahead_ms > 0)))
}
