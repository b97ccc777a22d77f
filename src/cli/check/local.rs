//! What a job needs of this machine: a policy that can be used, folders that are private and writable, the key, and room.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::super::failure::{Failure, WHERE_TO_WRITE};
use super::super::settings::Place;
use super::super::text::count;
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
        (None, Ok(_)) => Check::ok(NAME, "none is given; name one with --policy FILE"),
        (Some(path), Ok(_)) => Check::ok(NAME, format!("{} can be used", path.display())),
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
    let shown = folder.display();
    if access(&near, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let message = format!("this user cannot write in {}", near.display());
        return Check::failure(name, Failure::usage(message).next(WHERE_TO_WRITE));
    }
    if near != folder {
        return Check::ok(
            name,
            format!("{shown} is not there yet, and will be made for you alone"),
        );
    }
    let mode = std::fs::metadata(folder).map_or(0, |found| found.permissions().mode());
    let next = format!("chmod 700 {shown}");
    if mode & 0o022 != 0 && has_to_be_private {
        let message = format!("others can write in {shown}, and replace what is in it");
        Check::failure(name, Failure::usage(message).next(next))
    } else if mode & 0o077 != 0 {
        Check::warning(name, format!("others can look into {shown}, or write there"), next)
    } else {
        Check::ok(name, format!("{shown} is for you alone"))
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
    let message = format!("{} MB free for {}", free >> 20, place.database.display());
    if free < journal::ROOM_BYTES_MIN {
        Check::failure(NAME, JournalError::DiskFull)
    } else if free < ROOM_BYTES_COMFORTABLE {
        Check::warning(
            NAME,
            message,
            "make room before a large job: it stops when the disk is full",
        )
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
    let shown = place.database.display();
    if !place.database.exists() {
        let check = Check::ok(NAME, format!("{shown} is not there yet: plan makes it"));
        return vec![check, look_at_key(place, None)];
    }
    let found = JournalFile::open(&place.database).and_then(|file| {
        let jobs = file.view().jobs()?.len();
        Ok((jobs, file.view().signing_key()?))
    });
    match found {
        Ok((jobs, key)) => vec![
            Check::ok(NAME, format!("{shown}, {}", count(jobs, "job"))),
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
    let said = JournalFile::open(&place.database).and_then(|file| file.compare_with_head(&heads));
    match said {
        Ok(HeadSays::Agrees) => Check::ok(NAME, "the journal holds all that this machine signed"),
        Ok(HeadSays::Unsigned) => Check::ok(NAME, "none yet: nothing was signed"),
        Ok(HeadSays::Missing) => Check::warning(
            NAME,
            "this machine has no head of this database: whether something was cut off its end cannot be told here",
            "compare it with what was kept elsewhere: offboard24 audit verify --receipt FILE",
        ),
        Err(error) => Check::failure(NAME, error),
    }
}

fn look_at_key(place: &Place, signs: Option<journal::note::VerifyingKey>) -> Check {
    const NAME: &str = "signing-key";
    let shown = place.key.display();
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
        _ if place.key.exists() => Check::ok(NAME, format!("it is in {shown}")),
        _ => Check::ok(NAME, format!("none is in {shown} yet: the first run makes it")),
    }
}
