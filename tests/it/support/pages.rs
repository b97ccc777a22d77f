//! Where a database file keeps something and where it keeps nothing, read from its pages (<https://www.sqlite.org/fileformat2.html>).

/// Bytes of a page.
const PAGE: usize = 4096;

/// What the verdict needs of each byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Nothing,
    Something,
    /// The type of a column whose value is the row's number and stands elsewhere: of what is stored here, only the length counts.
    RowNumber,
}

/// The bytes of a file.
pub(crate) struct Pages {
    uses: Vec<Use>,
}

impl Pages {
    /// `roots` are the first pages of all tables and indexes.
    pub(crate) fn of(file: &[u8], roots: &[usize]) -> Self {
        let mut pages = Self {
            uses: vec![Use::Nothing; file.len()],
        };
        pages.mark(0, 100);
        // Counters that SQLite keeps for itself: of schema changes, and which version wrote last.
        for at in (40..44).chain(96..100) {
            pages.uses[at] = Use::Nothing;
        }
        pages.free_list(file);
        pages.tree(file, 1);
        for root in roots {
            pages.tree(file, *root);
        }
        pages
    }

    /// Whether the byte, as it is now, changes nothing that anybody could read.
    pub(crate) fn is_unused(&self, at: usize, now: u8) -> bool {
        match self.uses[at] {
            Use::Nothing => true,
            Use::Something => false,
            // NULL, and the constants 0 and 1: no byte of content.
            Use::RowNumber => matches!(now, 0 | 8 | 9),
        }
    }

    fn mark(&mut self, from: usize, to: usize) {
        self.uses[from..to].fill(Use::Something);
    }

    /// Trunks hold the numbers of pages that hold nothing.
    fn free_list(&mut self, file: &[u8]) {
        let mut trunk = number(file, 32, 4);
        while trunk != 0 {
            let start = (trunk - 1) * PAGE;
            let leaves = number(file, start + 4, 4);
            self.mark(start, start + 8 + 4 * leaves);
            trunk = number(file, start, 4);
        }
    }

    /// A tree from its root down.
    fn tree(&mut self, file: &[u8], page: usize) {
        let start = (page - 1) * PAGE;
        let header = start + if page == 1 { 100 } else { 0 };
        let kind = file[header];
        let is_interior = matches!(kind, 2 | 5);
        let cells = number(file, header + 3, 2);
        let pointers = header + if is_interior { 12 } else { 8 };
        self.mark(header, pointers + 2 * cells);
        let mut free = number(file, header + 1, 2);
        while free != 0 {
            self.mark(start + free, start + free + 4);
            free = number(file, start + free, 2);
        }
        if is_interior {
            self.tree(file, number(file, header + 8, 4));
        }
        for cell in 0..cells {
            let at = start + number(file, pointers + 2 * cell, 2);
            if is_interior {
                self.tree(file, number(file, at, 4));
            }
            self.cell(file, kind, at);
        }
    }

    /// Marks a cell, and what of it stands on other pages.
    fn cell(&mut self, file: &[u8], kind: u8, cell: usize) {
        let mut at = cell + if matches!(kind, 2 | 5) { 4 } else { 0 };
        if kind == 5 {
            let (_, length) = varint(file, at);
            self.mark(cell, at + length);
            return;
        }
        let (payload, length) = varint(file, at);
        at += length;
        if kind == 13 {
            at += varint(file, at).1;
        }
        // How much stays on the page: section 1.6.
        let most = if kind == 13 {
            PAGE - 35
        } else {
            (PAGE - 12) * 64 / 255 - 23
        };
        let least = (PAGE - 12) * 32 / 255 - 23;
        let here = if payload <= most {
            payload
        } else {
            let some = least + (payload - least) % (PAGE - 4);
            if some <= most { some } else { least }
        };
        self.mark(cell, at + here + if here < payload { 4 } else { 0 });
        if kind == 13 {
            let (_, first) = varint(file, at);
            // An `INTEGER PRIMARY KEY` is always the first column here, and is stored as NULL.
            if file[at + first] == 0 {
                self.uses[at + first] = Use::RowNumber;
            }
        }
        let mut left = payload - here;
        let mut next = if left > 0 { number(file, at + here, 4) } else { 0 };
        while left > 0 {
            let start = (next - 1) * PAGE;
            let part = left.min(PAGE - 4);
            self.mark(start, start + 4 + part);
            next = number(file, start, 4);
            left -= part;
        }
    }
}

/// A big-endian number.
fn number(file: &[u8], at: usize, bytes: usize) -> usize {
    file[at..at + bytes]
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// A number of seven bits a byte, and how many bytes it takes.
fn varint(file: &[u8], at: usize) -> (usize, usize) {
    let mut number = 0;
    for length in 1..=8 {
        let byte = file[at + length - 1];
        number = number << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return (number, length);
        }
    }
    (number << 8 | usize::from(file[at + 8]), 9)
}
