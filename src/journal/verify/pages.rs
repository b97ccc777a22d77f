//! Whether every page of a file has its one place, and every byte of a page: `SQLite`'s format as of
//! <https://www.sqlite.org/fileformat2.html>, sections 1.5 and 1.6.
//!
//! The same walk as that of `SQLite`'s `quick_check`, without its look at the rows, which works out the generated columns of every event
//! although the pass over the events looks at them anyway. It can only say that all is well: where it does not, `SQLite` is asked, and
//! what that says counts.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of a page in this program's files.
const PAGE: usize = 4096;

/// Of each page `SQLite` uses all.
const USABLE: u64 = PAGE as u64;

/// Bytes of an overflow page that hold content.
const OVERFLOW: u64 = USABLE - 4;

/// The page that holds the byte which `SQLite` locks, and nothing else.
const LOCK_PAGE: u32 = (1 << 30) / 4096 + 1;

/// Deeper than any tree that fits into a file.
const DEPTH_MAX: usize = 20;

type Page = [u8; PAGE];

/// Whether the file consists of these trees, its list of free pages, and nothing else, each page in one place and whole.
/// `roots` are the first pages of all tables and indexes; that of the schema, page 1, is one more.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn are_in_order(file: &File, roots: &[u32]) -> io::Result<bool> {
    let mut first: Page = [0; PAGE];
    file.read_exact_at(&mut first, 0)?;
    let Some(pages) = u32_at(&first, 28).filter(|pages| *pages > 0) else {
        return Ok(false);
    };
    let mut walk = Walk {
        file,
        seen: vec![false; pages as usize + 1],
        spans: Vec::new(),
    };
    let lists = walk.free_pages(&first)?.is_some();
    let trees = lists && walk.all(roots)?;
    Ok(trees && (1..=pages).all(|page| walk.seen[page as usize] != (page == LOCK_PAGE)))
}

struct Walk<'a> {
    file: &'a File,
    /// Whether a page was met, by its number.
    seen: Vec<bool>,
    /// The bytes of a page that are taken: from, and up to.
    spans: Vec<(u16, u16)>,
}

/// The kinds of tree.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    /// Rows by their numbers.
    Rows,
    /// Entries in the order of their content.
    Entries,
}

/// The numbers of the rows below a page, and how many pages lie between it and the leaves.
struct Below {
    depth: usize,
    /// The first and the last; none where there are no rows, or none with numbers.
    rows: Option<(i64, i64)>,
}

/// What a cell is.
struct Cell {
    bytes: u64,
    child: Option<u32>,
    row: Option<i64>,
    overflow: Option<(u32, u64)>,
}

impl Walk<'_> {
    fn all(&mut self, roots: &[u32]) -> io::Result<bool> {
        for root in std::iter::once(&1).chain(roots) {
            if self.tree(*root, None, 0)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads a page that was not met before; none when there is no such page, or it was.
    fn read(&mut self, number: u32) -> io::Result<Option<Box<Page>>> {
        let fresh = self.seen.get_mut(number as usize).filter(|seen| !**seen && number > 0);
        let Some(seen) = fresh else { return Ok(None) };
        *seen = true;
        let mut page = Box::new([0; PAGE]);
        self.file
            .read_exact_at(page.as_mut_slice(), u64::from(number - 1) * USABLE)?;
        Ok(Some(page))
    }

    /// The list of free pages: trunks that name the next trunk and further pages.
    fn free_pages(&mut self, first: &Page) -> io::Result<Option<()>> {
        let (Some(mut trunk), Some(count)) = (u32_at(first, 32), u32_at(first, 36)) else {
            return Ok(None);
        };
        let mut met = 0;
        while trunk != 0 {
            let Some(page) = self.read(trunk)? else { return Ok(None) };
            let leaves = u32_at(&page, 4).unwrap_or(u32::MAX);
            if u64::from(leaves) > USABLE / 4 - 2 {
                return Ok(None);
            }
            for leaf in 0..leaves as usize {
                let number = u32_at(&page, 8 + 4 * leaf).unwrap_or(0) as usize;
                match self.seen.get_mut(number).filter(|seen| !**seen && number > 0) {
                    Some(seen) => *seen = true,
                    None => return Ok(None),
                }
            }
            met += 1 + leaves;
            trunk = u32_at(&page, 0).unwrap_or(0);
        }
        Ok((met == count).then_some(()))
    }

    /// A page of a tree and all below it. None when something is not as it has to be.
    fn tree(&mut self, number: u32, kind: Option<Kind>, depth: usize) -> io::Result<Option<Below>> {
        if depth > DEPTH_MAX {
            return Ok(None);
        }
        let Some(page) = self.read(number)? else {
            return Ok(None);
        };
        let start = if number == 1 { 100 } else { 0 };
        let Some((header, cells)) = self.cells(&page, start, kind) else {
            return Ok(None);
        };
        let mut below = Below { depth: 0, rows: None };
        let children = cells.len() + usize::from(header.right.is_some());
        for (index, cell) in cells
            .into_iter()
            .map(Some)
            .chain(header.right.map(|_| None))
            .enumerate()
        {
            let child = cell.as_ref().map_or(header.right, |cell| cell.child);
            if let Some(child) = child {
                let Some(found) = self.tree(child, Some(header.kind), depth + 1)? else {
                    return Ok(None);
                };
                if index > 0 && below.depth != found.depth + 1 || !below.takes(found.rows) {
                    return Ok(None);
                }
                below.depth = found.depth + 1;
            }
            let Some(cell) = cell else { continue };
            if let Some((page, bytes)) = cell.overflow
                && !self.overflow(page, bytes)?
            {
                return Ok(None);
            }
            match (cell.row, cell.child) {
                (None, _) => {}
                // The number above a child is the largest below it, or larger.
                (Some(row), Some(_)) if below.rows.is_none_or(|(_, last)| last <= row) => {
                    below.rows = Some((below.rows.map_or(row, |(first, _)| first), row));
                }
                (Some(row), None) if below.takes(Some((row, row))) => {}
                _ => return Ok(None),
            }
        }
        // Only the root of an empty tree has nothing.
        Ok((children > 0 || depth == 0).then_some(below))
    }

    /// The content of a cell that does not fit into its page.
    fn overflow(&mut self, first: u32, bytes: u64) -> io::Result<bool> {
        let mut next = first;
        for _ in 0..bytes.div_ceil(OVERFLOW) {
            let Some(page) = self.read(next)? else { return Ok(false) };
            next = u32_at(&page, 0).unwrap_or(u32::MAX);
        }
        Ok(next == 0)
    }

    /// The header and the cells of a page on which every byte is accounted for.
    fn cells(&mut self, page: &Page, start: usize, kind: Option<Kind>) -> Option<(Header, Vec<Cell>)> {
        let header = Header::read(page, start).filter(|header| kind.is_none_or(|kind| kind == header.kind))?;
        let content = usize::from(header.content);
        let pointers = start + header.bytes();
        let end = pointers + 2 * usize::from(header.cells);
        if end > content || content > PAGE {
            return None;
        }
        self.spans.clear();
        let mut cells = Vec::with_capacity(usize::from(header.cells));
        for index in 0..usize::from(header.cells) {
            let at = u16_at(page, pointers + 2 * index)?;
            let cell = Cell::read(page.get(usize::from(at)..)?, &header)?;
            // A cell takes at least four bytes, so that its place can become a free block.
            let end = u64::from(at) + cell.bytes.max(4);
            self.spans.push((at, u16::try_from(end).ok()?));
            cells.push(cell);
        }
        let mut free = header.free;
        while free != 0 {
            let (next, bytes) = (u16_at(page, usize::from(free))?, u16_at(page, usize::from(free) + 2)?);
            let end = free.checked_add(bytes)?;
            if bytes < 4 || next != 0 && next <= end.checked_add(3)? {
                return None;
            }
            self.spans.push((free, end));
            free = next;
        }
        self.spans.sort_unstable();
        let (mut at, mut between) = (header.content, 0);
        for (from, to) in &self.spans {
            between += from.checked_sub(at)?;
            at = *to;
        }
        between += u16::try_from(PAGE).ok()?.checked_sub(at)?;
        (between == u16::from(header.fragments)).then_some((header, cells))
    }
}

impl Below {
    /// Takes rows that come behind those met so far. Gives whether they do.
    fn takes(&mut self, rows: Option<(i64, i64)>) -> bool {
        let Some((first, last)) = rows else { return true };
        let follows = self.rows.is_none_or(|(_, before)| before < first);
        self.rows = Some((self.rows.map_or(first, |(first, _)| first), last));
        follows
    }
}

/// The header of a page of a tree.
struct Header {
    kind: Kind,
    /// The last child; none on a leaf.
    right: Option<u32>,
    free: u16,
    cells: u16,
    content: u16,
    fragments: u8,
}

impl Header {
    fn read(page: &Page, start: usize) -> Option<Self> {
        let (kind, is_leaf) = match page[start] {
            2 => (Kind::Entries, false),
            5 => (Kind::Rows, false),
            10 => (Kind::Entries, true),
            13 => (Kind::Rows, true),
            _ => return None,
        };
        Some(Self {
            kind,
            right: if is_leaf { None } else { Some(u32_at(page, start + 8)?) },
            free: u16_at(page, start + 1)?,
            cells: u16_at(page, start + 3)?,
            content: u16_at(page, start + 5)?,
            fragments: page[start + 7],
        })
    }

    fn bytes(&self) -> usize {
        if self.right.is_some() { 12 } else { 8 }
    }
}

impl Cell {
    /// The cell at the beginning of these bytes.
    fn read(bytes: &[u8], header: &Header) -> Option<Self> {
        let mut at = 0;
        let child = match header.right {
            Some(_) => {
                at = 4;
                Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
            }
            None => None,
        };
        let payload = match (header.kind, child) {
            (Kind::Rows, Some(_)) => None,
            _ => Some(varint(bytes, &mut at)?),
        };
        let row = match header.kind {
            Kind::Rows => Some(varint(bytes, &mut at)?.cast_signed()),
            Kind::Entries => None,
        };
        let mut cell = Self {
            bytes: at as u64,
            child,
            row,
            overflow: None,
        };
        if let Some(payload) = payload {
            // A record begins with the length of its header, of which this is the first byte; `SQLite` finds those that cannot be.
            if payload > 0 && *bytes.get(at)? < 2 {
                return None;
            }
            let local = local(payload, header.kind);
            cell.bytes += local;
            if local < payload {
                let place = usize::try_from(cell.bytes).ok()?;
                let page = bytes.get(place..place + 4)?;
                cell.overflow = Some((u32::from_be_bytes(page.try_into().ok()?), payload - local));
                cell.bytes += 4;
            }
        }
        Some(cell)
    }
}

/// How much of a cell's content is on its own page.
fn local(payload: u64, kind: Kind) -> u64 {
    let most = match kind {
        Kind::Rows => USABLE - 35,
        Kind::Entries => (USABLE - 12) * 64 / 255 - 23,
    };
    let least = (USABLE - 12) * 32 / 255 - 23;
    let fitting = least + payload.saturating_sub(least) % OVERFLOW;
    if payload <= most {
        payload
    } else if fitting <= most {
        fitting
    } else {
        least
    }
}

/// A number of one to nine bytes, each but the ninth with seven bits.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if index == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

fn u16_at(page: &Page, at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(page.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(page: &Page, at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(page.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;

    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    /// A database with trees of several levels, content that just fits or overflows, free pages and free places in pages.
    fn make(path: &Path) -> Vec<u32> {
        let db = Connection::open(path).unwrap();
        db.execute_batch(
            "PRAGMA page_size = 4096;
             CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT);
             CREATE INDEX by_text ON rows (text);
             CREATE TABLE entries (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;
             CREATE TABLE gone (text TEXT);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
             INSERT INTO rows SELECT n, n || CASE
                 WHEN n BETWEEN 2001 AND 2100 THEN substr(hex(zeroblob(600)), 1, n - 1040)
                 WHEN n BETWEEN 2101 AND 2200 THEN substr(hex(zeroblob(2100)), 1, n + 1900)
                 WHEN n % 500 = 0 THEN hex(zeroblob(9000))
                 ELSE hex(zeroblob(n % 97)) END FROM n;
             INSERT INTO entries SELECT 'key ' || (id * 7919 % 3001), text FROM rows;
             INSERT INTO gone SELECT text FROM rows;
             DELETE FROM rows WHERE id % 7 = 0;
             DELETE FROM entries WHERE length(key) = 6;
             DROP TABLE gone;",
        )
        .unwrap();
        let mut statement = db.prepare("SELECT rootpage FROM sqlite_schema").unwrap();
        let roots = statement.query_map([], |row| row.get(0)).unwrap();
        roots.collect::<rusqlite::Result<_>>().unwrap()
    }

    /// What `SQLite` has against the pages. What it says of rows, or of a record that is malformed, is about their content, which is read
    /// elsewhere.
    fn said(path: &Path) -> Vec<String> {
        let check = |db: Connection| {
            let mut statement = db.prepare("PRAGMA quick_check")?;
            let said = statement.query_map([], |row| row.get::<_, String>(0))?;
            said.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut said = Connection::open(path)
            .and_then(check)
            .unwrap_or_else(|cause| vec![cause.to_string()]);
        let of_content = ["row ", "database disk image is malformed"];
        let is_of_content = |said: &str| of_content.iter().any(|words| said.starts_with(words));
        said.retain(|said| said != "ok" && !is_of_content(said) && !said.contains(" value in "));
        said
    }

    #[test]
    fn a_database_that_sqlite_made_is_in_order_and_a_page_of_two_trees_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let roots = make(&path);
        let file = File::open(&path).unwrap();
        assert!(are_in_order(&file, &roots).unwrap());
        assert!(!are_in_order(&file, &roots[1..]).unwrap(), "a tree is left over");
        assert!(!are_in_order(&file, &[&roots[..], &roots[..1]].concat()).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// What is said to be in order, `SQLite` has nothing against.
        #[test]
        fn where_sqlite_finds_damage_nothing_is_in_order(
            page in any::<prop::sample::Index>(),
            // Half of them in the header and the pointers, where the structure is.
            at in prop_oneof![0..60_u64, 0..4096_u64],
            bit in 0..8_u8,
        ) {
            thread_local! {
                static MADE: (tempfile::TempDir, Vec<u32>) = {
                    let folder = tempfile::tempdir().unwrap();
                    let roots = make(&folder.path().join("some.db"));
                    (folder, roots)
                };
            }
            MADE.with(|(folder, roots)| {
                let path = folder.path().join("some.db");
                let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
                let pages = usize::try_from(file.metadata().unwrap().len()).unwrap() / PAGE;
                // The first page begins with the header of the file, which is looked at elsewhere.
                let place = ((1 + page.index(pages - 1)) * PAGE) as u64 + at;
                let mut byte = [0];
                file.read_exact_at(&mut byte, place).unwrap();
                file.write_all_at(&[byte[0] ^ (1 << bit)], place).unwrap();
                let in_order = are_in_order(&file, roots).unwrap_or(false);
                // What `SQLite` does not see, in content or in free places, may be seen here.
                let said = if in_order { said(&path) } else { Vec::new() };
                let sound = said.is_empty();
                file.write_all_at(&byte, place).unwrap();
                prop_assert!(sound, "at {place}, bit {bit}: {said:?}");
                Ok(())
            })?;
        }
    }
}
