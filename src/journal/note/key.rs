//! The keys that notes are signed and checked with: Ed25519, under a name.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::{NoteError, SignatureLine};
use crate::hex::hex;

/// The algorithm byte of Ed25519 in `signed-note`.
const ED25519: u8 = 0x01;

/// PKCS#8, version 1, Ed25519 (RFC 8410, section 7): what comes before the 32 bytes of the seed, the same for every key.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// The name of a key, and the origin of a log: not empty, without spaces, plus signs and control characters.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(name: &str) -> Result<Self, NoteError> {
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(forbidden) {
            return Err(NoteError::Name);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A public key. Written as `NAME+ID+KEY`, the form that other tools for signed notes read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifyingKey {
    name: KeyName,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    fn new(name: KeyName, key: ed25519_dalek::VerifyingKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(name.as_str());
        hash.update([b'\n', ED25519]);
        hash.update(key.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let [first, second, third, fourth, ..] = hash;
        Self {
            name,
            id: [first, second, third, fourth],
            key,
        }
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Four bytes that tell keys of one name apart. No fingerprint: others with the same four bytes are easily made.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Whether it is the same key under another name.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(formatter, "{}+{}+{}", self.name, hex(&self.id), BASE64.encode(key))
    }
}

impl FromStr for VerifyingKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::PublicKey("it is written as NAME+ID+KEY");
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        let bytes = BASE64.decode(key).map_err(|_| malformed)?;
        let key = match bytes.split_first() {
            Some((&ED25519, key)) => key
                .try_into()
                .ok()
                .and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok())
                .filter(|key| !key.is_weak())
                .ok_or(NoteError::PublicKey("its last part is no Ed25519 key"))?,
            _ => return Err(NoteError::PublicKey("it is not of the kind Ed25519")),
        };
        let key = Self::new(name.parse()?, key);
        if hex(&key.id) != id {
            return Err(NoteError::PublicKey("its middle part does not fit the others"));
        }
        Ok(key)
    }
}

/// A private key. It has no name: the same key signs for several databases, each under that database's name.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key that 32 random bytes make.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public key, under a name.
    pub fn verifying(&self, name: &KeyName) -> VerifyingKey {
        VerifyingKey::new(name.clone(), self.0.verifying_key())
    }

    /// Signs a text that ends in a line feed, under a name.
    pub fn sign(&self, name: &KeyName, text: &str) -> SignatureLine {
        SignatureLine::new(&self.verifying(name), &self.0.sign(text.as_bytes()))
    }

    /// The key as PEM (PKCS#8), which `openssl pkey` reads.
    pub fn to_pem(&self) -> SecretString {
        let der = Zeroizing::new([PKCS8.as_slice(), self.0.as_bytes()].concat());
        let encoded = Zeroizing::new(BASE64.encode(&*der));
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", *encoded).into()
    }

    /// Reads one key from PEM.
    ///
    /// # Errors
    /// When it is anything else than one Ed25519 key.
    pub fn from_pem(pem: &str) -> Result<Self, NoteError> {
        let [key] = <[Self; 1]>::try_from(Self::all_from_pem(pem)?)
            .map_err(|_| NoteError::PrivateKey("one is expected, and there are others"))?;
        Ok(key)
    }

    /// Reads every key of a file of PEM blocks, in order; at least one.
    ///
    /// # Errors
    /// When anything in it is no Ed25519 key.
    pub fn all_from_pem(pem: &str) -> Result<Vec<Self>, NoteError> {
        let mut lines = pem.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let mut keys = Vec::new();
        while let Some(begin) = lines.next() {
            let (Some(encoded), Some(PEM_END), PEM_BEGIN) = (lines.next(), lines.next(), begin) else {
                return Err(NoteError::PrivateKey(
                    "it is not three lines of PEM, as openssl genpkey -algorithm ed25519 writes them",
                ));
            };
            keys.push(Self::from_der(encoded)?);
        }
        if keys.is_empty() {
            return Err(NoteError::PrivateKey("it is empty"));
        }
        Ok(keys)
    }

    fn from_der(encoded: &str) -> Result<Self, NoteError> {
        let der = Zeroizing::new(
            BASE64
                .decode(encoded)
                .map_err(|_| NoteError::PrivateKey("its second line is not base64"))?,
        );
        let seed = der
            .strip_prefix(PKCS8.as_slice())
            .and_then(|seed| <&[u8; 32]>::try_from(seed).ok())
            .ok_or(NoteError::PrivateKey("it is a key of another kind"))?;
        Ok(Self::from_seed(seed))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(…)")
    }
}
