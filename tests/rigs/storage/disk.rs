//! What a disk keeps: a model of files and names, of which the synced part is certain, and everything else may be there, in part, or not.
//!
//! As little is assumed as POSIX promises: a sync of a file brings its bytes and its size, not its name; the sync of a folder brings its
//! names. What was not synced survives in any part and any order; a write survives by sectors, and a sector that was being written can
//! hold anything.

use std::collections::BTreeMap;

use super::Dice;
use super::shim::Call;

/// Bytes that are written as one.
const SECTOR: usize = 512;

/// The place of a file or a folder in the list of all.
type Id = usize;

/// Something that was done and not synced. `order` counts over the whole disk.
struct Pending<C> {
    order: usize,
    change: C,
}

/// A change of a file.
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Size(usize),
}

/// A change of a folder: a name that goes, a name that comes, or both at once.
struct Naming {
    gone: Option<String>,
    come: Option<(String, Id)>,
}

/// A file or a folder.
enum Thing {
    File {
        synced: Vec<u8>,
        pending: Vec<Pending<Change>>,
    },
    Folder {
        synced: BTreeMap<String, Id>,
        pending: Vec<Pending<Naming>>,
    },
}

/// Which part of what was not synced is there after the loss.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// What was done first, up to some moment.
    Earlier,
    /// Anything, by sectors, each old or new.
    Anything,
    /// The same, and a sector that was being written can hold what nobody ever wrote.
    Garbage,
}

/// What is found at a path after the loss.
pub(super) enum Found {
    Folder,
    File(Vec<u8>),
}

/// A disk, as far as calls below one folder say.
pub(super) struct Disk {
    root: String,
    things: Vec<Thing>,
    /// Where everything is now.
    paths: BTreeMap<String, Id>,
    /// By the inode's number, as long as a file has it.
    files: BTreeMap<u64, Id>,
    order: usize,
}

impl Disk {
    /// A disk on which the folder is, and is empty.
    pub(super) fn new(root: &str) -> Self {
        let folder = Thing::Folder {
            synced: BTreeMap::new(),
            pending: Vec::new(),
        };
        Self {
            root: root.to_owned(),
            things: vec![folder],
            paths: BTreeMap::from([(root.to_owned(), 0)]),
            files: BTreeMap::new(),
            order: 0,
        }
    }

    /// What a call does.
    pub(super) fn apply(&mut self, call: &Call) {
        self.order += 1;
        match call {
            Call::Open {
                file,
                path,
                is_new,
                is_emptied,
            } => self.open(*file, path, *is_new, *is_emptied),
            Call::Write { file, at, bytes } => self.change(
                *file,
                Change::Write {
                    at: *at,
                    bytes: bytes.clone(),
                },
            ),
            Call::Truncate { file, size } => self.change(*file, Change::Size(*size)),
            Call::Sync { file } => self.sync(*file),
            Call::Rename { from, to } => {
                let Some(id) = self.paths.remove(from) else { return };
                let below: Vec<String> = self
                    .paths
                    .keys()
                    .filter(|path| path.starts_with(&format!("{from}/")))
                    .cloned()
                    .collect();
                for path in below {
                    let id = self.paths[&path];
                    self.paths.remove(&path);
                    self.paths.insert(path.replacen(from, to, 1), id);
                }
                self.paths.insert(to.clone(), id);
                assert_eq!(split(from).0, split(to).0, "nothing is moved to another folder here");
                self.name(from, Some(split(from).1), Some((split(to).1, id)));
            }
            Call::Unlink { path } | Call::RemoveFolder { path } => {
                self.paths.remove(path);
                self.name(path, Some(split(path).1), None);
            }
            Call::MakeFolder { file, path } => {
                let folder = Thing::Folder {
                    synced: BTreeMap::new(),
                    pending: Vec::new(),
                };
                self.add(*file, path, folder);
            }
            Call::Link { from, to } => {
                let Some(id) = self.paths.get(from).copied() else {
                    return;
                };
                self.paths.insert(to.clone(), id);
                self.name(to, None, Some((split(to).1, id)));
            }
            Call::Sent(_) | Call::Printed(_) => {}
        }
    }

    fn open(&mut self, file: u64, path: &str, is_new: bool, is_emptied: bool) {
        if is_new {
            let made = Thing::File {
                synced: Vec::new(),
                pending: Vec::new(),
            };
            self.add(file, path, made);
        } else if let Some(id) = self.paths.get(path) {
            self.files.insert(file, *id);
            if is_emptied {
                self.change(file, Change::Size(0));
            }
        }
    }

    fn add(&mut self, file: u64, path: &str, thing: Thing) {
        let id = self.things.len();
        self.things.push(thing);
        self.files.insert(file, id);
        self.paths.insert(path.to_owned(), id);
        self.name(path, None, Some((split(path).1, id)));
    }

    /// A change of names in the folder that a path is in.
    fn name(&mut self, path: &str, gone: Option<&str>, come: Option<(&str, Id)>) {
        let Some(folder) = self.paths.get(split(path).0).copied() else {
            return;
        };
        let change = Naming {
            gone: gone.map(str::to_owned),
            come: come.map(|(name, id)| (name.to_owned(), id)),
        };
        if let Thing::Folder { pending, .. } = &mut self.things[folder] {
            pending.push(Pending {
                order: self.order,
                change,
            });
        }
    }

    fn change(&mut self, file: u64, change: Change) {
        let Some(id) = self.files.get(&file).copied() else {
            return;
        };
        if let Thing::File { pending, .. } = &mut self.things[id] {
            pending.push(Pending {
                order: self.order,
                change,
            });
        }
    }

    fn sync(&mut self, file: u64) {
        let Some(id) = self.files.get(&file).copied() else {
            return;
        };
        match &mut self.things[id] {
            Thing::File { synced, pending } => pending.drain(..).for_each(|done| write(synced, done.change)),
            Thing::Folder { synced, pending } => pending.drain(..).for_each(|done| rename(synced, done.change)),
        }
    }

    /// What is found below the folder after the loss, by path.
    pub(super) fn after_loss(&self, left: Left, dice: &mut Dice) -> BTreeMap<String, Found> {
        let chance = Chance {
            left,
            until: dice.below(self.order + 1),
            of_ten: 1 + dice.below(9),
        };
        let mut found = BTreeMap::new();
        self.collect(0, &self.root, &chance, dice, &mut found);
        found
    }

    fn collect(&self, id: Id, path: &str, chance: &Chance, dice: &mut Dice, found: &mut BTreeMap<String, Found>) {
        match &self.things[id] {
            Thing::File { synced, pending } => {
                let mut bytes = synced.clone();
                for done in pending {
                    chance.survive(&mut bytes, done, dice);
                }
                found.insert(path.to_owned(), Found::File(bytes));
            }
            Thing::Folder { synced, pending } => {
                found.insert(path.to_owned(), Found::Folder);
                let mut names = synced.clone();
                for done in pending
                    .iter()
                    .filter(|done| chance.keeps(done.order, dice))
                    .collect::<Vec<_>>()
                {
                    rename(
                        &mut names,
                        Naming {
                            gone: done.change.gone.clone(),
                            come: done.change.come.clone(),
                        },
                    );
                }
                for (name, id) in names {
                    self.collect(id, &format!("{path}/{name}"), chance, dice, found);
                }
            }
        }
    }
}

/// How luck is in one loss.
struct Chance {
    left: Left,
    /// For [`Left::Earlier`].
    until: usize,
    /// For [`Left::Anything`]: how many of ten changes survive.
    of_ten: usize,
}

impl Chance {
    fn keeps(&self, order: usize, dice: &mut Dice) -> bool {
        match self.left {
            Left::Nothing => false,
            Left::Everything => true,
            Left::Earlier => order <= self.until,
            Left::Anything | Left::Garbage => dice.below(10) < self.of_ten,
        }
    }

    /// What becomes of a file by a change that may have reached the disk.
    fn survive(&self, file: &mut Vec<u8>, done: &Pending<Change>, dice: &mut Dice) {
        match (&done.change, self.left) {
            (Change::Write { at, bytes }, Left::Anything | Left::Garbage) => {
                let mut from = *at;
                while from < at + bytes.len() {
                    let to = ((from / SECTOR + 1) * SECTOR).min(at + bytes.len());
                    if self.keeps(done.order, dice) {
                        put(file, from, &bytes[from - at..to - at]);
                    } else if matches!(self.left, Left::Garbage) && dice.below(4) == 0 {
                        let noise: Vec<u8> = (from..to).map(|_| dice.next().to_le_bytes()[0]).collect();
                        put(file, from, &noise);
                    }
                    from = to;
                }
                // The size can be on disk before the bytes are.
                if dice.below(4) == 0 && file.len() < at + bytes.len() {
                    file.resize(at + bytes.len(), 0);
                }
            }
            (change, _) if self.keeps(done.order, dice) => match change {
                Change::Write { at, bytes } => put(file, *at, bytes),
                Change::Size(size) => file.resize(*size, 0),
            },
            _ => {}
        }
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn write(file: &mut Vec<u8>, change: Change) {
    match change {
        Change::Write { at, bytes } => put(file, at, &bytes),
        Change::Size(size) => file.resize(size, 0),
    }
}

fn rename(names: &mut BTreeMap<String, Id>, change: Naming) {
    if let Some(name) = change.gone {
        names.remove(&name);
    }
    if let Some((name, id)) = change.come {
        names.insert(name, id);
    }
}

/// Folder and name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
