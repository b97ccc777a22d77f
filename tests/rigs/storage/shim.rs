//! The shim between the binary and libc: built once, loaded by the environment, and its record read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::site::memory_folder;

/// The library, compiled at the first use.
pub(super) fn library() -> &'static Path {
    static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = memory_folder();
        let path = folder.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rigs/storage/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&path, &source])
            .args(["-ldl", "-lpthread"])
            .status()
            .unwrap();
        assert!(built.success(), "cc cannot compile {}", source.display());
        (folder, path)
    });
    path
}

/// Puts the shim before a command, for what it does under a folder.
pub(super) fn load(command: &mut Command, folder: &Path) {
    command.env("LD_PRELOAD", library()).env("RIG_FOLDER", folder);
}

/// One call that changed something, as the shim recorded it. Files are known by their inode's number.
#[derive(Debug)]
pub(super) enum Call {
    /// A file or folder was opened: whether that made it, or emptied it.
    Open {
        file: u64,
        path: String,
        is_new: bool,
        is_emptied: bool,
    },
    Write {
        file: u64,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: u64,
        size: usize,
    },
    Sync {
        file: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        path: String,
    },
    MakeFolder {
        file: u64,
        path: String,
    },
    RemoveFolder {
        path: String,
    },
    Link {
        from: String,
        to: String,
    },
    /// Bytes were about to go to a socket.
    Sent(Vec<u8>),
    /// Bytes were about to be printed.
    Printed(Vec<u8>),
}

/// Reads a record, in the order of the calls.
pub(super) fn read(log: &[u8]) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut rest = log;
    while !rest.is_empty() {
        let (head, after) = rest.split_at(26);
        let number = |from: usize, to: usize| {
            let bytes = head[from..to].iter().rev();
            usize::try_from(bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))).unwrap()
        };
        let (kind, flags, file, value) = (head[0], head[1], number(10, 18) as u64, number(18, 26));
        let (first, after) = after.split_at(number(2, 6));
        let (second, after) = after.split_at(number(6, 10));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        calls.push(match kind {
            1 => Call::Open {
                file,
                path: text(first),
                is_new: flags & 1 != 0,
                is_emptied: flags & 2 != 0,
            },
            2 => Call::Write {
                file,
                at: value,
                bytes: second.to_vec(),
            },
            3 => Call::Truncate { file, size: value },
            4 => Call::Sync { file },
            5 => Call::Rename {
                from: text(first),
                to: text(second),
            },
            6 => Call::Unlink { path: text(first) },
            7 => Call::MakeFolder {
                file,
                path: text(first),
            },
            8 => Call::RemoveFolder { path: text(first) },
            9 => Call::Link {
                from: text(first),
                to: text(second),
            },
            10 => Call::Sent(second.to_vec()),
            11 => Call::Printed(second.to_vec()),
            other => unreachable!("the shim records no {other}"),
        });
        rest = after;
    }
    calls
}
