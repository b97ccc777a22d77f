//! Merkle trees: the reference tree of Certificate Transparency, and made-up trees against `ct-merkle`.
//!
//! The eight leaves, their roots and the proofs are published with the Certificate Transparency reference implementations; these are
//! read off `proof/verify_test.go` of <https://github.com/transparency-dev/merkle> (02194e9a) and `tests/known_answer.rs` of `ct-merkle` 0.3.0.

use ct_merkle::RootHash;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use offboard24::journal::tree::{
    Hash, Proofs, Tree, check_consistency, check_inclusion, consistency, inclusion, root_of_inclusion,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The root over the first leaf, over the first two, and so on.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Size, index, proof.
const INCLUSION: &[(u64, u64, &[&str])] = &[
    (1, 0, &[]),
    (
        2,
        0,
        &["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"],
    ),
    (
        2,
        1,
        &["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
    ),
    (
        3,
        2,
        &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    ),
    (
        5,
        1,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        8,
        0,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        8,
        5,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

/// Smaller size, larger size, proof.
const CONSISTENCY: &[(u64, u64, &[&str])] = &[
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

fn hash(hex: &str) -> Hash {
    assert_eq!(hex.len(), 64);
    std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
}

fn hashes(hexes: &[&str]) -> Vec<Hash> {
    hexes.iter().map(|hex| hash(hex)).collect()
}

fn leaf(data: &[u8]) -> Hash {
    Sha256::digest([&[0x00], data].concat()).into()
}

/// The first leaves of the reference tree.
fn reference(size: u64) -> Vec<Hash> {
    LEAVES
        .iter()
        .take(usize::try_from(size).unwrap())
        .map(|data| leaf(data))
        .collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::new();
    tree.extend(leaves.iter().copied());
    assert_eq!(tree.size(), leaves.len() as u64);
    tree.root()
}

#[test]
fn the_reference_tree_has_the_published_roots_at_every_size() {
    let mut tree = Tree::new();
    assert_eq!(tree.root(), hash(EMPTY));
    for (data, expected) in LEAVES.iter().zip(ROOTS) {
        tree.push(leaf(data));
        assert_eq!(tree.root(), hash(expected), "at size {}", tree.size());
    }
}

#[test]
fn the_reference_tree_gives_the_published_proofs_and_they_hold() {
    for (size, index, expected) in INCLUSION {
        let leaves = reference(*size);
        let proof = inclusion(&leaves, *index).unwrap();
        assert_eq!(proof, hashes(expected), "of {index} in {size}");
        let leaf = leaves[usize::try_from(*index).unwrap()];
        assert!(check_inclusion(*index, *size, &leaf, &proof, &root(&leaves)));
    }
    for (from, to, expected) in CONSISTENCY {
        let proof = consistency(&reference(*to), *from).unwrap();
        assert_eq!(proof, hashes(expected), "of {from} in {to}");
        let (old, new) = (root(&reference(*from)), root(&reference(*to)));
        assert!(check_consistency(*from, *to, &old, &new, &proof));
    }
}

#[test]
fn there_is_no_proof_of_what_is_not_there() {
    let leaves = reference(5);
    assert_eq!(inclusion(&leaves, 5), None);
    assert_eq!(inclusion(&[], 0), None);
    assert_eq!(consistency(&leaves, 6), None);
    assert_eq!(consistency(&leaves, 0), Some(Vec::new()));
    assert_eq!(consistency(&[], 0), Some(Vec::new()));
    let (empty, five) = (hash(EMPTY), root(&leaves));
    assert_eq!(root_of_inclusion(0, 0, &empty, &[]), None);
    assert_eq!(root_of_inclusion(1, 1, &five, &[]), None);
    assert_eq!(root_of_inclusion(u64::MAX - 1, u64::MAX, &five, &[five; 3]), None);
    assert!(check_consistency(0, 0, &empty, &empty, &[]));
    assert!(check_consistency(0, 5, &empty, &five, &[]));
    assert!(!check_consistency(0, 5, &five, &five, &[]));
    assert!(!check_consistency(0, 5, &empty, &five, &[five]));
    assert!(check_consistency(5, 5, &five, &five, &[]));
    assert!(!check_consistency(5, 5, &five, &empty, &[]));
    assert!(!check_consistency(5, 5, &five, &five, &[five]));
    assert!(!check_consistency(6, 5, &five, &five, &[]));
    assert!(!check_consistency(u64::MAX, 5, &five, &five, &[five; 64]));
}

/// Leaves that anybody can hash: their numbers.
fn numbers(count: u64) -> impl Iterator<Item = [u8; 8]> {
    (0..count).map(u64::to_be_bytes)
}

#[test]
fn at_every_size_up_to_600_the_root_is_that_of_another_implementation() {
    let mut ours = Tree::new();
    let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    for number in numbers(600) {
        ours.push(leaf(&number));
        theirs.push(number);
        assert_eq!(
            ours.root(),
            theirs.root().as_bytes().as_slice(),
            "at size {}",
            ours.size()
        );
    }
}

/// What breaks a proof: a byte changed, a hash taken out, doubled, or swapped with its neighbour.
fn broken(proof: &[Hash], place: usize, how: u8) -> Vec<Hash> {
    let mut proof = proof.to_vec();
    let at = place % proof.len();
    match how % 4 {
        0 => proof[at][place % 32] ^= 1 << (how / 4 % 8),
        1 => drop(proof.remove(at)),
        2 => proof.insert(at, proof[at]),
        _ if at > 0 => proof.swap(at - 1, at),
        _ => proof[at].reverse(),
    }
    proof
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn proofs_are_those_of_another_implementation_and_hold_there(
        (size, index, from) in (1_u64..600).prop_flat_map(|size| (Just(size), 0..size, 1..=size)),
    ) {
        let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
        numbers(size).for_each(|number| theirs.push(number));
        let leaves: Vec<Hash> = numbers(size).map(|number| leaf(&number)).collect();
        let ours = Proofs::new(leaves.clone());

        let proof = ours.inclusion(index).unwrap();
        let other = theirs.prove_inclusion(usize::try_from(index).unwrap());
        prop_assert_eq!(proof.concat(), other.as_bytes());
        prop_assert_eq!(
            root_of_inclusion(index, size, &leaf(&index.to_be_bytes()), &proof),
            Some(root(&leaves))
        );

        let proof = ours.consistency(from).unwrap();
        let other = theirs.prove_consistency(usize::try_from(size - from).unwrap());
        prop_assert_eq!(proof.concat(), other.as_bytes());
        let old = root(&leaves[..usize::try_from(from).unwrap()]);
        prop_assert!(check_consistency(from, size, &old, &root(&leaves), &proof));
        let old = RootHash::<Sha256>::new(old.into(), from);
        prop_assert!(theirs.root().verify_consistency(&old, &other).is_ok());
    }
}

proptest! {
    #[test]
    fn a_proof_that_was_changed_shows_nothing(
        (size, index, from) in (3_u64..200).prop_flat_map(|size| (Just(size), 0..size, 1..size)),
        place in any::<usize>(),
        how in any::<u8>(),
    ) {
        let leaves: Vec<Hash> = numbers(size).map(|number| leaf(&number)).collect();
        let (old, new) = (root(&leaves[..usize::try_from(from).unwrap()]), root(&leaves));
        let own = leaf(&index.to_be_bytes());
        let proof = inclusion(&leaves, index).unwrap();
        prop_assert!(!check_inclusion(index, size, &own, &broken(&proof, place, how), &new));
        prop_assert!(!check_inclusion(index, size, &leaf(b"another"), &proof, &new));
        prop_assert!(!check_inclusion((index + 1) % size, size, &own, &proof, &new));
        prop_assert!(!check_inclusion(index, size, &own, &proof, &old));

        let proof = consistency(&leaves, from).unwrap();
        prop_assert!(!check_consistency(from, size, &old, &new, &broken(&proof, place, how)));
        prop_assert!(!check_consistency(from, size, &new, &new, &proof));
        prop_assert!(!check_consistency(from, size, &old, &old, &proof));
        prop_assert!(!check_consistency(from, size, &leaf(b"another"), &new, &proof));
    }

    #[test]
    fn checking_proofs_of_strangers_never_fails_otherwise(
        index in any::<u64>(), size in any::<u64>(), proof in prop::collection::vec(any::<Hash>(), 0..70)
    ) {
        let root = leaf(b"");
        prop_assert!(!check_inclusion(index, size, &leaf(b"some"), &proof, &root) || size == 0);
        prop_assert!(!check_consistency(index, size, &leaf(b"some"), &root, &proof));
    }
}
