//! What a job needs of this machine: a policy that can be used, folders that are private and writable, the key, and room.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::super::failure::Failure;
use super::super::language::said;
use super::super::settings::Place;
use super::{Check, State};
use crate::journal::key::{KeyError, Keys};
use crate::journal::{self, HeadSays, JournalError, JournalFile};
use crate::plan::policy::Policy;

/// Free bytes below which somebody should know: a job of some thousand actions records some ten megabytes.
const ROOM_BYTES_COMFORTABLE: u64 = 200 << 20;

/// Looks at everything but the policy.
pub(super) fn look(place: &Place) -> Vec<Check> {
    let mut checks = look_at_folders(place);
    checks.push(look_at_room(place));
    checks.extend(look_at_database(place));
    checks
}

/// What `plan` stops at besides what it finds out by opening the database: key, room for it and its reserve, and whether it can be written.
pub(crate) fn refuse_unfit(place: &Place) -> Result<(), Failure> {
    look_at_folders(place)
        .into_iter()
        .filter(|check| check.state == State::Failure)
        .find_map(|check| check.failure)
        .map_or(Ok(()), Err)
}

/// The policy that was named, as far as it could be read.
pub(super) fn look_at_policy(path: Option<&Path>, policy: Result<Policy, Failure>) -> Check {
    const NAME: &str = "policy";
    match (path, policy) {
        (_, Err(failure)) => Check::failure(NAME, failure),
        (None, Ok(_)) => Check::ok(NAME, said(|words| words.no_policy)),
        (Some(path), Ok(_)) => Check::ok(NAME, said(|words| (words.policy_usable)(path))),
    }
}

/// The folders of heads, receipts and locks, and of the database where that is another one.
fn look_at_folders(place: &Place) -> Vec<Check> {
    let state = place.paths.state();
    let of_database = place.database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let of_database = of_database.filter(|folder| !is_same(folder, state));
    let mut checks = vec![look_at_folder("state-folder", state, true)];
    // Where somebody keeps a database of their own is for them to say: others who may write there are told of, and no reason to stop.
    checks.extend(of_database.map(|folder| look_at_folder("database-folder", folder, false)));
    checks
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole(one) == whole(other)
}

fn look_at_folder(name: &'static str, folder: &Path, has_to_be_private: bool) -> Check {
    let near = nearest(folder);
    if access(&near, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let message = said(|words| (words.folder_unwritable)(&near));
        return Check::failure(name, Failure::usage(message).next(said(|words| words.where_to_write)));
    }
    if near != folder {
        return Check::ok(name, said(|words| (words.folder_to_be_made)(folder)));
    }
    let mode = std::fs::metadata(folder).map_or(0, |found| found.permissions().mode());
    let next = format!("chmod 700 {}", folder.display());
    if mode & 0o022 != 0 && has_to_be_private {
        Check::failure(
            name,
            Failure::usage(said(|words| (words.folder_open)(folder))).next(next),
        )
    } else if mode & 0o077 != 0 {
        Check::warning(name, said(|words| (words.folder_shown)(folder)), next)
    } else {
        Check::ok(name, said(|words| (words.folder_private)(folder)))
    }
}

/// The folder, or the one nearest to it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let above = folder.ancestors().find(|folder| folder.is_dir());
    above.unwrap_or(Path::new(".")).to_owned()
}

fn look_at_room(place: &Place) -> Check {
    const NAME: &str = "disk";
    let near = nearest(place.database.parent().unwrap_or(Path::new(".")));
    let free = match journal::free_bytes(&near) {
        Ok(free) => free,
        Err(cause) => return Check::failure(NAME, unreadable(&near, cause)),
    };
    let message = said(|words| (words.room)(free >> 20, &place.database));
    if free < journal::ROOM_BYTES_MIN {
        Check::failure(NAME, JournalError::DiskFull)
    } else if free < ROOM_BYTES_COMFORTABLE {
        Check::warning(NAME, message, said(|words| words.room_next))
    } else {
        Check::ok(NAME, message)
    }
}

fn unreadable(path: &Path, cause: io::Error) -> JournalError {
    JournalError::File {
        path: path.to_owned(),
        cause,
    }
}

/// The database, and whether the key is here that signs it.
fn look_at_database(place: &Place) -> Vec<Check> {
    const NAME: &str = "database";
    if !place.database.exists() {
        let check = Check::ok(NAME, said(|words| (words.database_to_be_made)(&place.database)));
        return vec![check, look_at_key(place, None)];
    }
    let found = JournalFile::open(&place.database).and_then(|file| {
        let jobs = file.view().jobs()?.len();
        Ok((jobs, file.view().signing_key()?))
    });
    match found {
        Ok((jobs, key)) => vec![
            Check::ok(NAME, said(|words| (words.database_with)(&place.database, jobs))),
            look_at_key(place, key),
            look_at_head(place),
        ],
        Err(error) => vec![Check::failure(NAME, error), look_at_key(place, None)],
    }
}

/// The journal against what this machine signed last, as a run compares them before it writes.
fn look_at_head(place: &Place) -> Check {
    const NAME: &str = "head";
    let heads = place.paths.heads();
    let compared = JournalFile::open(&place.database).and_then(|file| file.compare_with_head(&heads));
    match compared {
        Ok(HeadSays::Agrees) => Check::ok(NAME, said(|words| words.head_agrees)),
        Ok(HeadSays::Unsigned) => Check::ok(NAME, said(|words| words.head_unsigned)),
        Ok(HeadSays::Missing) => Check::warning(
            NAME,
            said(|words| words.head_not_here),
            said(|words| words.head_not_here_next),
        ),
        Err(error) => Check::failure(NAME, error),
    }
}

fn look_at_key(place: &Place, signs: Option<journal::note::VerifyingKey>) -> Check {
    const NAME: &str = "signing-key";
    let keys = match Keys::read(&place.key) {
        Ok(keys) => keys,
        Err(error) => return Check::failure(NAME, error),
    };
    match signs {
        Some(public) if !keys.public(public.name()).contains(&public) => Check::failure(
            NAME,
            KeyError::Missing {
                path: place.key.clone(),
                key: public.to_string(),
            },
        ),
        _ if place.key.exists() => Check::ok(NAME, said(|words| (words.key_there)(&place.key))),
        _ => Check::ok(NAME, said(|words| (words.key_to_be_made)(&place.key))),
    }
}
