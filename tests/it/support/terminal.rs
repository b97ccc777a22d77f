//! A terminal of the system's own making, which a command and a test hold at its two ends.

use std::fs::File;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Both ends of a terminal.
pub(crate) struct Terminal {
    /// The end of the test.
    pub(crate) ours: File,
    name: Vec<u8>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_bytes();
        Self {
            ours: File::from(ours),
            name,
        }
    }

    /// The end of a command, once more. Tests that lead a session do not get it as their own terminal: they would be hung up with it.
    pub(crate) fn theirs(&self) -> File {
        File::from(
            open(
                &self.name[..],
                OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .unwrap(),
        )
    }
}
