//! Signed notes, checkpoints and proofs: published examples, and a second implementation in both directions.

use offboard24::journal::note::{
    Checkpoint, KeyName, NOTE_MAX, Note, NoteError, Proof, SIGNATURES_MAX, SigningKey, VerifyingKey,
};
use offboard24::journal::tree::{Hash, Proofs, Tree};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use sha2::{Digest, Sha256};
use signed_note::{NoteError as TheirError, StandardSigner, StandardVerifier, VerifierList};

// The keys and the note of golang.org/x/mod/sumdb/note (its documentation and note_test.go).
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const PETERS_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                           then you don't know what your problem is.\n";
const PETERS_LINE: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCHS_LINE: &str =
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
/// Peter's private key, `PRIVATE+KEY+NAME+ID+SEED` in base64 behind the algorithm's byte.
const PETERS_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETERS_SEED: [u8; 32] = [
    0x81, 0x0a, 0x14, 0x02, 0xd5, 0x14, 0x6c, 0x8d, 0x84, 0xf2, 0x44, 0x33, 0x30, 0xf5, 0x40, 0x80, 0xeb, 0xf9, 0x8e,
    0xe1, 0x7d, 0x9c, 0x74, 0xf6, 0x25, 0x2f, 0xc5, 0xd5, 0xc7, 0x28, 0x31, 0x73,
];

/// The example of <https://c2sp.org/signed-note>; its key is not published.
const C2SP_NOTE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
    — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
/// The example of <https://c2sp.org/tlog-checkpoint>.
const C2SP_CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
/// The hashes of the example of <https://c2sp.org/tlog-proof>, whose signatures are cut short there.
const C2SP_PROOF_HEAD: &str = "c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMS1kYXJ3aW4=\nindex 73894\n\
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\
    EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\nRoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n\
    AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n\n";

fn key(vkey: &str) -> VerifyingKey {
    vkey.parse().unwrap()
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

fn theirs(vkey: &str) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).unwrap())])
}

/// Whether the other implementation accepts the note under the key.
fn theirs_accepts(text: &str, vkey: &str) -> bool {
    signed_note::Note::from_bytes(text.as_bytes()).is_ok_and(|note| note.verify(&theirs(vkey)).is_ok())
}

#[test]
fn the_published_notes_are_read_verified_and_written_as_they_were() {
    let both = format!("{PETERS_TEXT}\n{PETERS_LINE}{ENOCHS_LINE}");
    let read = note(&both);
    assert_eq!(read.text, PETERS_TEXT);
    assert_eq!(read.to_string(), both);
    assert!(read.verified_by(&key(PETER)) && read.verified_by(&key(ENOCH)));
    for published in [C2SP_NOTE, C2SP_CHECKPOINT] {
        assert_eq!(note(published).to_string(), published);
        assert!(!note(published).verified_by(&key(PETER)));
    }
    // The text may have empty lines: the last one ends it.
    assert!(note(C2SP_NOTE).text.ends_with("\n\ned è subito sera.\n"));
    assert_eq!(note(C2SP_NOTE).signatures[0].id, [0x36, 0x7b, 0xa0, 0x4b]);
}

#[test]
fn the_published_private_key_makes_the_published_key_and_signature() {
    let signing = SigningKey::from_seed(&PETERS_SEED);
    let peter = signing.verifying(&name("PeterNeumann"));
    assert_eq!(peter.to_string(), PETER);
    assert_eq!(peter.id(), [0xc7, 0x4f, 0x20, 0xa3]);
    let line = signing.sign(&name("PeterNeumann"), PETERS_TEXT);
    assert_eq!(format!("{line}\n"), PETERS_LINE);
    assert!(!format!("{signing:?}").contains("81"));
    assert!(peter.is_same_key(&signing.verifying(&name("another"))) && !peter.is_same_key(&key(ENOCH)));
}

#[test]
fn the_published_checkpoint_is_read_and_written_as_it_was() {
    let note = note(C2SP_CHECKPOINT);
    let checkpoint = Checkpoint::parse(&note.text).unwrap();
    assert_eq!(checkpoint.origin.as_str(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size, 20_852_163);
    assert_eq!(checkpoint.root[..4], [0x0a, 0xc5, 0x18, 0x6a]);
    assert_eq!(checkpoint.text(), note.text);
}

#[test]
fn the_published_proof_is_read_and_written_as_it_was() {
    let text = format!("{C2SP_PROOF_HEAD}{C2SP_CHECKPOINT}");
    let proof = Proof::parse(&text).unwrap();
    assert_eq!((proof.index, proof.hashes.len()), (73_894, 5));
    assert_eq!(proof.extra.as_deref(), Some(b"age-v1.2.1-darwin".as_slice()));
    assert_eq!(proof.checkpoint, note(C2SP_CHECKPOINT));
    assert_eq!(proof.to_string(), text);
    let refused = proof.check(&[0; 32], &key(PETER));
    assert_eq!(refused, Err(NoteError::NotSigned(PETER.to_owned())));
}

#[test]
fn a_private_key_is_kept_as_openssl_writes_it() {
    // The key pair of RFC 8410, section 10.3 and 10.1.
    let published = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let key = SigningKey::from_pem(published).unwrap();
    assert_eq!(key.to_pem().expose_secret(), published);
    let public = "+ARm/RAlphM3+hUG6wWfcO5bIUIaqMLa2ywxcOK1wMWbh";
    assert!(key.verifying(&name("k")).to_string().ends_with(public));

    let other = SigningKey::from_seed(&PETERS_SEED);
    let both = format!("{}\r\n{published}", other.to_pem().expose_secret());
    let read = SigningKey::all_from_pem(&both).unwrap();
    let names = read.iter().map(|key| key.verifying(&name("k")).to_string());
    assert!(names.eq([&other, &key].map(|key| key.verifying(&name("k")).to_string())));
    for wrong in [
        "",
        "\n",
        both.as_str(),
        published.trim_end().trim_end_matches('-'),
        &published.replace("MC4", "MC5"),
        &published.replace("PRIVATE", "PUBLIC"),
        &format!("{published}more"),
    ] {
        assert!(
            matches!(SigningKey::from_pem(wrong), Err(NoteError::PrivateKey(_))),
            "{wrong}"
        );
    }
}

#[test]
fn a_public_key_that_was_miscopied_is_refused() {
    for wrong in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        // Another id, an id in capitals, another name, another key.
        &PETER.replace("c74f20a3", "c74f20a4"),
        &PETER.replace("c74f20a3", "C74F20A3"),
        &PETER.replace("Peter", "Paul"),
        &PETER.replace("10TW", "10TX"),
        // Another algorithm; the point of order one, under which anything can be signed.
        "n+00000000+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "n+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &format!("{PETER}="),
        &format!("{PETER}\n"),
        &format!(" {PETER}"),
    ] {
        assert!(wrong.parse::<VerifyingKey>().is_err(), "{wrong}");
    }
    for wrong in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{7f}", "\u{2003}"] {
        assert_eq!(wrong.parse::<KeyName>(), Err(NoteError::Name), "{wrong:?}");
    }
}

#[test]
fn what_is_no_signed_note_is_refused_here_and_elsewhere() {
    let line = PETERS_LINE;
    for wrong in [
        String::new(),
        PETERS_TEXT.to_owned(),
        format!("\n{PETERS_TEXT}"),
        format!("{PETERS_TEXT}\n"),
        format!("{PETERS_TEXT}\n{}", line.trim_end()),
        format!("{PETERS_TEXT}{line}"),
        format!("{PETERS_TEXT}\n{line}\n"),
        format!("{PETERS_TEXT}\n{line}more\n"),
        format!("\u{1}{PETERS_TEXT}\n{line}"),
        format!("{PETERS_TEXT}\r\n{line}"),
        format!("{PETERS_TEXT}\n{}", line.replace("— ", "- ")),
        format!("{PETERS_TEXT}\n{}", line.replace("PeterNeumann", "")),
        format!("{PETERS_TEXT}\n{}", line.replace("PeterNeumann", "Peter+Neumann")),
        format!("{PETERS_TEXT}\n{}", line.replace("nAM=", "nAM")),
        format!("{PETERS_TEXT}\n{}", line.replace("nAM=", "nAN=")),
        format!("{PETERS_TEXT}\n— PeterNeumann x08gow==\n"),
        format!("{PETERS_TEXT}\n{}", line.repeat(101)),
    ] {
        assert!(Note::parse(&wrong).is_err(), "{wrong}");
        assert!(!theirs_accepts(&wrong, PETER), "{wrong}");
    }
    assert!(Note::parse(&format!("{PETERS_TEXT}\n{}", line.repeat(SIGNATURES_MAX))).is_ok());
    let many = format!("{PETERS_TEXT}\n{}", line.repeat(SIGNATURES_MAX + 1));
    assert_eq!(Note::parse(&many), Err(NoteError::TooLarge));
    let long = format!("{}\n\n{line}", "x".repeat(NOTE_MAX - line.len() - 1));
    assert_eq!(Note::parse(&long), Err(NoteError::TooLarge));
}

#[test]
fn signatures_of_strangers_say_nothing_and_a_wrong_one_in_the_keys_name_spoils_the_note() {
    let peter = key(PETER);
    let enochs = note(&format!("{PETERS_TEXT}\n{ENOCHS_LINE}"));
    assert!(!enochs.verified_by(&peter));
    // The right signature under another name, or under another id, is a stranger's.
    let renamed = PETERS_LINE.replace("PeterNeumann", "CarmenSandiego");
    let other_id = PETERS_LINE.replace("x08g", "xxxx");
    for stranger in [&renamed, &other_id] {
        assert!(!note(&format!("{PETERS_TEXT}\n{stranger}")).verified_by(&peter));
        assert!(note(&format!("{PETERS_TEXT}\n{stranger}{PETERS_LINE}")).verified_by(&peter));
    }
    let wrong = PETERS_LINE.replace("SffcvI", "SffcvJ");
    for spoiled in [
        wrong.clone(),
        format!("{wrong}{PETERS_LINE}"),
        format!("{PETERS_LINE}{wrong}"),
    ] {
        assert!(!note(&format!("{PETERS_TEXT}\n{spoiled}")).verified_by(&peter));
    }
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let text = |size: &str, root: &str, rest: &str| format!("example.com/log\n{size}\n{root}\n{rest}");
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for size in ["0", "1", "18446744073709551615"] {
        let right = text(size, root, "");
        assert_eq!(Checkpoint::parse(&right).unwrap().text(), right);
    }
    for wrong in [
        text("01", root, ""),
        text("+1", root, ""),
        text("-1", root, ""),
        text("", root, ""),
        text("1 ", root, ""),
        text("١", root, ""),
        text("18446744073709551616", root, ""),
        text("1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I", ""),
        text("1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=", ""),
        text("1", "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=", ""),
        text("1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx", ""),
        text("1", root, "an extension\n"),
        text("1", root, "\n"),
        text("1", root, "").trim_end().to_owned(),
        text("1", root, "").replace("example.com", "example com"),
        text("1", root, "").replace("example.com/log", ""),
    ] {
        assert!(Checkpoint::parse(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_checkpoint_of_another_log_is_not_taken_for_this_ones() {
    let signing = SigningKey::from_seed(&PETERS_SEED);
    let (ours, other) = (name("acme.bitrix24.com/1"), name("acme.bitrix24.com/2"));
    let checkpoint = Checkpoint {
        origin: other.clone(),
        size: 1,
        root: [7; 32],
    };
    let note = Note {
        text: checkpoint.text(),
        signatures: vec![signing.sign(&ours, &checkpoint.text())],
    };
    assert!(note.verified_by(&signing.verifying(&ours)));
    let refused = Checkpoint::verified(&note, &signing.verifying(&ours));
    assert_eq!(
        refused,
        Err(NoteError::Origin {
            found: other.to_string(),
            expected: ours.to_string()
        })
    );
    let note = checkpoint.sign(&[&signing]);
    assert_eq!(Checkpoint::verified(&note, &signing.verifying(&other)), Ok(checkpoint));
}

fn leaf(number: u64) -> Hash {
    Sha256::digest([&[0x00], number.to_be_bytes().as_slice()].concat()).into()
}

/// A checkpoint over so many records, and the proof of one of them.
fn proof(size: u64, index: u64, signing: &SigningKey) -> Proof {
    let mut tree = Tree::new();
    tree.extend((0..size).map(leaf));
    let checkpoint = Checkpoint {
        origin: name("acme.bitrix24.com/log"),
        size,
        root: tree.root(),
    };
    Proof {
        extra: None,
        index,
        hashes: Proofs::new((0..size).map(leaf).collect()).inclusion(index).unwrap(),
        checkpoint: checkpoint.sign(&[signing]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn our_notes_hold_elsewhere_and_theirs_here(
        seed in any::<[u8; 32]>(), text in "[^\u{0}-\u{9}\u{b}-\u{1f}]{0,60}", log in "[a-z0-9./:-]{1,30}",
    ) {
        let text = format!("{text}\n");
        let signing = SigningKey::from_seed(&seed);
        let log = name(&log);
        let vkey = signing.verifying(&log).to_string();

        let ours = Note { text: text.clone(), signatures: vec![signing.sign(&log, &text)] };
        let read = signed_note::Note::from_bytes(ours.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.text(), text.as_bytes());
        prop_assert!(read.verify(&theirs(&vkey)).is_ok());

        // The other's private keys are named, and carry the seed behind the algorithm's byte.
        let id = vkey[log.as_str().len() + 1..][..8].to_owned();
        let secret = base64_of(&[&[1], seed.as_slice()].concat());
        let signer = StandardSigner::new(&format!("PRIVATE+KEY+{log}+{id}+{secret}")).unwrap();
        let mut other = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        other.add_sigs(&[&signer]).unwrap();
        let other = String::from_utf8(other.to_bytes()).unwrap();
        prop_assert_eq!(&other, &ours.to_string());
        prop_assert!(note(&other).verified_by(&key(&vkey)));
    }
}

proptest! {
    #[test]
    fn a_note_with_a_changed_byte_is_refused(place in any::<prop::sample::Index>(), change in 1_u8..=255) {
        let signed = format!("{PETERS_TEXT}\n{PETERS_LINE}");
        let mut bytes = signed.into_bytes();
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        let accepted = Note::parse(&changed).is_ok_and(|note| note.verified_by(&key(PETER)));
        prop_assert!(!accepted, "{}", changed);
    }

    #[test]
    fn whatever_is_read_is_written_again_as_it_was(text in "[^\u{0}-\u{9}\u{b}-\u{1f}]{0,40}\n\n— [a-z+ ]{0,3} [A-Za-z0-9+/=]{6,12}\n?") {
        if let Ok(read) = Note::parse(&text) {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn a_proof_holds_for_its_record_and_key_and_a_changed_byte_of_it_does_not(
        (size, index) in (2_u64..80).prop_flat_map(|size| (Just(size), 0..size)),
        place in any::<prop::sample::Index>(), change in 1_u8..128,
    ) {
        let signing = SigningKey::from_seed(&PETERS_SEED);
        let log = signing.verifying(&name("acme.bitrix24.com/log"));
        let text = proof(size, index, &signing).to_string();
        let read = Proof::parse(&text).unwrap();
        prop_assert_eq!(read.to_string(), text.as_str());
        prop_assert_eq!(read.check(&leaf(index), &log).unwrap().size, size);
        prop_assert_eq!(read.check(&leaf(index + 1), &log), Err(NoteError::NotIncluded));
        let stranger = SigningKey::from_seed(&[1; 32]).verifying(log.name());
        prop_assert!(read.check(&leaf(index), &stranger).is_err());

        let mut bytes = text.into_bytes();
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        let accepted = Proof::parse(&changed).is_ok_and(|proof| proof.check(&leaf(index), &log).is_ok());
        prop_assert!(!accepted, "{}", changed);
    }
}

#[test]
fn a_proof_of_another_form_is_refused() {
    let right = proof(5, 2, &SigningKey::from_seed(&PETERS_SEED)).to_string();
    let first_hash = right.lines().nth(2).unwrap();
    for wrong in [
        String::new(),
        right.replace("@v1", "@v2"),
        right.replace("index 2\n", ""),
        right.replace("index 2", "index 02"),
        right.replace("index 2", "index +2"),
        right.replace("index 2\n", "index 2\nextra AAAA\n"),
        right.replace("index 2\n", "extra A\nindex 2\n"),
        right.replace(
            "index 2\n",
            &format!("index 2\n{}", format!("{first_hash}\n").repeat(64)),
        ),
        right.replace(first_hash, &first_hash[4..]),
        right.replacen("\n\n", "\n", 1),
    ] {
        assert!(Proof::parse(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_other_implementation_refuses_what_is_refused_here() {
    let changed = format!("{}\n{PETERS_LINE}", PETERS_TEXT.replace("answer", "problem"));
    assert!(!note(&changed).verified_by(&key(PETER)));
    let verdict = signed_note::Note::from_bytes(changed.as_bytes())
        .unwrap()
        .verify(&theirs(PETER));
    assert!(matches!(verdict, Err(TheirError::InvalidSignature { .. })));
    assert!(theirs_accepts(&format!("{PETERS_TEXT}\n{PETERS_LINE}"), PETER));
    assert!(StandardSigner::new(PETERS_SECRET).is_ok());
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
