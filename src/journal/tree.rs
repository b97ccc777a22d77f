//! The Merkle tree over the leaves of the events (RFC 6962, section 2.1), and the proofs that it gives.
//!
//! A root stands for the whole history up to a size. An inclusion proof shows one leaf below a root without the others, a consistency
//! proof that one history begins with another. Pure: hashes in, hashes out; a leaf's own hash is the chain's business.

use sha2::{Digest, Sha256};

/// A SHA-256: of a leaf, of a node, of a whole tree.
pub type Hash = [u8; 32];

/// The root of a tree that grows, from the roots of its complete subtrees alone: some twenty hashes for a million leaves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    size: u64,
    /// One for each bit that is set in `size`, the largest subtree first.
    subtrees: Vec<Hash>,
}

impl Tree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // As in counting: each carry joins two subtrees of one size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root. That of the empty tree is the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.subtrees.iter().rev();
        let Some(last) = smallest_first.next() else {
            return Sha256::digest([]).into();
        };
        smallest_first.fold(*last, |right, left| node(left, &right))
    }
}

impl Extend<Hash> for Tree {
    fn extend<Leaves: IntoIterator<Item = Hash>>(&mut self, leaves: Leaves) {
        for leaf in leaves {
            self.push(leaf);
        }
    }
}

/// Every complete subtree of a tree, so that many proofs cost one pass over the leaves. Twice the size of the leaves.
#[derive(Clone, Debug)]
pub struct Proofs {
    /// The leaves, then the nodes above each two of them, and so on.
    levels: Vec<Vec<Hash>>,
}

impl Proofs {
    /// Hashes the tree over the leaves.
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let (pairs, _) = below.as_chunks::<2>();
            let level = pairs.iter().map(|[left, right]| node(left, right)).collect();
            levels.push(level);
        }
        Self { levels }
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// What shows that the leaf at `index` is in the tree, from the leaf's sibling up. None when there is no such leaf.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        if index >= self.size() {
            return None;
        }
        let mut proof = Vec::new();
        let (mut from, mut to) = (0, self.size());
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                proof.push(self.root(middle, to));
                to = middle;
            } else {
                proof.push(self.root(from, middle));
                from = middle;
            }
        }
        proof.reverse();
        Some(proof)
    }

    /// What shows that the tree begins with its first `size` leaves. None when it has fewer.
    pub fn consistency(&self, size: u64) -> Option<Vec<Hash>> {
        if size > self.size() {
            return None;
        }
        let mut proof = Vec::new();
        if size == 0 {
            return Some(proof);
        }
        let (mut from, mut to) = (0, self.size());
        while to != size {
            let middle = from + split(to - from);
            if size <= middle {
                proof.push(self.root(middle, to));
                to = middle;
            } else {
                proof.push(self.root(from, middle));
                from = middle;
            }
        }
        // Where the smaller tree is one subtree of the larger, whoever checks has its root already.
        if from > 0 {
            proof.push(self.root(from, to));
        }
        proof.reverse();
        Some(proof)
    }

    /// The root over the leaves from `from` to before `to`: a range that splitting the whole leads to.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the leaves are in memory, so their numbers fit"
    )]
    fn root(&self, from: u64, to: u64) -> Hash {
        let size = to - from;
        if size.is_power_of_two() {
            let level = size.ilog2();
            return self.levels[level as usize][(from >> level) as usize];
        }
        let middle = from + split(size);
        node(&self.root(from, middle), &self.root(middle, to))
    }
}

/// The proof that the leaf at `index` is in the tree over `leaves`. For several proofs of one tree: [`Proofs`].
pub fn inclusion(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    Proofs::new(leaves.to_vec()).inclusion(index)
}

/// The proof that the tree over `leaves` begins with its first `from` leaves.
pub fn consistency(leaves: &[Hash], from: u64) -> Option<Vec<Hash>> {
    Proofs::new(leaves.to_vec()).consistency(from)
}

/// The root of the tree of `size` leaves that has `leaf` at `index`, as the proof says. None when no tree of that size has such a proof.
pub fn root_of_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return proof.is_empty().then_some(*leaf);
    }
    let (sibling, below) = proof.split_last()?;
    let middle = split(size);
    Some(if index < middle {
        node(&root_of_inclusion(index, middle, leaf, below)?, sibling)
    } else {
        node(sibling, &root_of_inclusion(index - middle, size - middle, leaf, below)?)
    })
}

/// Whether the proof shows `leaf` at `index` in the tree of `size` leaves with that root.
pub fn check_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    root_of_inclusion(index, size, leaf, proof).as_ref() == Some(root)
}

/// Whether the proof shows that the tree of `to` leaves begins with the tree of `from` leaves.
pub fn check_consistency(from: u64, to: u64, root_from: &Hash, root_to: &Hash, proof: &[Hash]) -> bool {
    if from == 0 {
        return proof.is_empty() && *root_from == Tree::new().root();
    }
    let roots = roots_of_consistency(from, to, Some(root_from), proof);
    from <= to && roots == Some((*root_from, *root_to))
}

/// The roots of the smaller and the larger tree, as the proof says. `known` is the smaller one's root, while it is a subtree of the larger.
fn roots_of_consistency(from: u64, to: u64, known: Option<&Hash>, proof: &[Hash]) -> Option<(Hash, Hash)> {
    if from >= to {
        return match (known, proof) {
            (Some(root), []) | (None, [root]) if from == to => Some((*root, *root)),
            _ => None,
        };
    }
    let (sibling, below) = proof.split_last()?;
    let middle = split(to);
    Some(if from <= middle {
        let (old, new) = roots_of_consistency(from, middle, known, below)?;
        (old, node(&new, sibling))
    } else {
        let (old, new) = roots_of_consistency(from - middle, to - middle, None, below)?;
        (node(sibling, &old), node(sibling, &new))
    })
}

/// How many leaves are left of the root of a tree of `size` leaves, at least two: the largest power of two below it.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0x01]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}
