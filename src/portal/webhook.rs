//! The webhook: a URL that is a password.
//!
//! Holds the token so that it cannot be printed. Not responsible for where the URL comes from.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::domain::{Portal, UserId};

/// The address of an incoming webhook, `https://HOST[:PORT]/rest/USER/TOKEN/`.
pub struct Webhook {
    scheme: Scheme,
    portal: Portal,
    loopback: bool,
    user: UserId,
    token: SecretString,
}

#[derive(Clone, Copy, PartialEq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a text is not the URL of a webhook. The texts never quote it, since it may hold the token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WebhookError {
    /// Not of the form `https://HOST/rest/USER/TOKEN/`.
    #[error(
        "the webhook is not a URL of the form https://HOST/rest/USER/TOKEN/ (it is not shown here, since it is a \
         password). Copy it again from the portal: Developer resources, Other, Inbound webhook"
    )]
    Form,
    /// The host cannot be one.
    #[error(
        "the webhook's host name is not valid (the URL is not shown here, since it is a password). A name with letters \
         outside of a-z has to be written in its xn-- form"
    )]
    Host,
    /// Plain http to another machine.
    #[error("the webhook's URL begins with http://, which would send the token in the clear. Use https://")]
    PlainHttp,
    /// Something follows the token.
    #[error(
        "something follows the token in the webhook's URL, such as the name of a method. Leave it out: the URL ends with \
         the token"
    )]
    Tail,
}

/// The prefix that keeps fingerprints apart from the other hashes of the program.
const FINGERPRINT_TAG: u8 = 0x03;

/// Hexadecimal digits of a fingerprint: enough to tell two webhooks apart, too few to stand for the token.
const FINGERPRINT_DIGITS: usize = 16;

impl Webhook {
    /// Reads the URL of a webhook. Blanks and line ends around it are allowed.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`]. `http` is accepted for loopback addresses alone.
    pub fn parse(url: &str) -> Result<Self, WebhookError> {
        let (scheme, rest) = url.trim().split_once("://").ok_or(WebhookError::Form)?;
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return Err(WebhookError::Form);
        };
        let (authority, path) = rest.split_once('/').ok_or(WebhookError::Form)?;
        let (portal, loopback) = authority_of(scheme, authority)?;
        if scheme == Scheme::Http && !loopback {
            return Err(WebhookError::PlainHttp);
        }
        let mut segments = path.split('/');
        if segments.next() != Some("rest") {
            return Err(WebhookError::Form);
        }
        let user = segments
            .next()
            .filter(|user| user.bytes().all(|byte| byte.is_ascii_digit()));
        let user = user
            .and_then(|user| user.parse().ok())
            .filter(|user| *user > 0)
            .ok_or(WebhookError::Form)?;
        let token = segments
            .next()
            .filter(|token| is_token(token))
            .ok_or(WebhookError::Form)?;
        match (segments.next(), segments.next()) {
            (None | Some(""), None) => {}
            _ => return Err(WebhookError::Tail),
        }
        Ok(Self {
            scheme,
            portal,
            loopback,
            user: UserId(user),
            token: SecretString::from(token),
        })
    }

    /// `host[:port]` in lower case, the scheme's own port left out.
    pub fn portal(&self) -> Portal {
        self.portal.clone()
    }

    /// Whether a byte can be part of a token: what hides tokens in texts goes by the same rule as what accepts them.
    pub const fn is_token_byte(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
    }

    /// The user for whom the webhook acts, as the URL says. [`super::Reader::profile`] asks the portal.
    pub const fn user_id(&self) -> UserId {
        self.user
    }

    /// Sixteen hexadecimal digits that tell two tokens apart and do not allow to guess one without `key`.
    pub fn fingerprint(&self, key: &[u8; 32]) -> String {
        let mut hash = Sha256::new();
        hash.update([FINGERPRINT_TAG]);
        hash.update(key);
        hash.update(self.token.expose_secret());
        crate::hex::hex(&hash.finalize())[..FINGERPRINT_DIGITS].to_owned()
    }

    /// Whether what is sent is encrypted.
    pub const fn is_encrypted(&self) -> bool {
        matches!(self.scheme, Scheme::Https)
    }

    /// Whether the portal runs on this machine.
    pub(super) const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The URL of a method, which holds the token.
    pub(super) fn url(&self, method: &str) -> SecretString {
        let Self {
            scheme,
            portal,
            user,
            token,
            ..
        } = self;
        SecretString::from(format!(
            "{}://{portal}/rest/{user}/{}/{method}",
            scheme.as_str(),
            token.expose_secret()
        ))
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Webhook({self})")
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}://{}/rest/{}/…",
            self.scheme.as_str(),
            self.portal,
            self.user
        )
    }
}

/// Portals make tokens of letters and digits.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(Webhook::is_token_byte)
}

/// The portal of an authority, and whether it is this machine.
fn authority_of(scheme: Scheme, authority: &str) -> Result<(Portal, bool), WebhookError> {
    let lower = authority.to_ascii_lowercase();
    let (host, port) = match lower.rfind(']') {
        Some(end) => match &lower[end + 1..] {
            "" => (lower.as_str(), None),
            port => (&lower[..=end], Some(port.strip_prefix(':').ok_or(WebhookError::Host)?)),
        },
        None => match lower.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (lower.as_str(), None),
        },
    };
    let loopback = host_is_loopback(host)?;
    let port = match port {
        None => scheme.default_port(),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).ok_or(WebhookError::Host)?
        }
        Some(_) => return Err(WebhookError::Host),
    };
    let portal = if port == scheme.default_port() {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    };
    Ok((Portal(portal), loopback))
}

/// Whether a host, in lower case, is this machine.
///
/// Hosts are read as strictly as the HTTP client would read them loosely: `127.1` or `0x7f.1` are addresses to it, and one
/// portal must not have two names.
fn host_is_loopback(host: &str) -> Result<bool, WebhookError> {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| WebhookError::Host)?;
        return if address.to_string() == inner {
            Ok(address.is_loopback())
        } else {
            Err(WebhookError::Host)
        };
    }
    let label_is_valid = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !host.split('.').all(label_is_valid) {
        return Err(WebhookError::Host);
    }
    let last = host.rsplit('.').next().unwrap_or(host);
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        let address: Ipv4Addr = host.parse().map_err(|_| WebhookError::Host)?;
        return Ok(address.is_loopback());
    }
    Ok(host == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "s3cr3tt0ken";

    #[test]
    fn a_portal_is_the_host_in_lower_case_without_the_usual_port() {
        for (authority, portal) in [
            ("https://Acme.Bitrix24.com", "acme.bitrix24.com"),
            ("https://acme.bitrix24.com:443", "acme.bitrix24.com"),
            ("HTTPS://acme.example:8443", "acme.example:8443"),
            ("https://10.0.0.7", "10.0.0.7"),
            ("http://127.0.0.1:4711", "127.0.0.1:4711"),
            ("http://127.8.9.1:80", "127.8.9.1"),
            ("http://localhost:4711", "localhost:4711"),
            ("http://[::1]:4711", "[::1]:4711"),
            ("http://[::1]", "[::1]"),
        ] {
            for end in ["", "/", "/\r\n"] {
                let webhook = Webhook::parse(&format!(" {authority}/rest/17/{TOKEN}{end}")).expect(authority);
                assert_eq!((webhook.portal().0.as_str(), webhook.user_id()), (portal, UserId(17)));
            }
        }
    }

    #[test]
    fn what_is_not_a_webhook_is_refused_without_being_quoted() {
        use WebhookError::{Form, Host, PlainHttp, Tail};
        for (url, error) in [
            ("", Form),
            ("acme.bitrix24.com/rest/1/s3cr3tt0ken/", Form),
            ("ftp://acme.bitrix24.com/rest/1/s3cr3tt0ken/", Form),
            ("https://acme.bitrix24.com", Form),
            ("https://acme.bitrix24.com/rest/s3cr3tt0ken/", Form),
            ("https://acme.bitrix24.com/rest/0/s3cr3tt0ken/", Form),
            ("https://acme.bitrix24.com/rest/+1/s3cr3tt0ken/", Form),
            ("https://acme.bitrix24.com/rest/1//", Form),
            ("https://acme.bitrix24.com/rest/1/s3cr3tt0ken?x=1", Form),
            ("https://acme.bitrix24.com/rest/1/s3cr3tt0ken#x", Form),
            ("https://acme.bitrix24.com/rest/1/s3cr3tt0ken/profile.json", Tail),
            ("https://acme.bitrix24.com/rest/1/s3cr3tt0ken//", Tail),
            ("http://acme.bitrix24.com/rest/1/s3cr3tt0ken/", PlainHttp),
            ("http://127.0.0.1.evil.example/rest/1/s3cr3tt0ken/", PlainHttp),
            ("http://localhost.evil.example/rest/1/s3cr3tt0ken/", PlainHttp),
            ("http://[::2]/rest/1/s3cr3tt0ken/", PlainHttp),
            ("http://127.1/rest/1/s3cr3tt0ken/", Host),
            ("http://0x7f.0.0.1/rest/1/s3cr3tt0ken/", Host),
            ("https://acme.0x7f/rest/1/s3cr3tt0ken/", Host),
            ("https://user@acme.example/rest/1/s3cr3tt0ken/", Host),
            ("https://user:s3cr3tt0ken@acme.example/rest/1/s3cr3tt0ken/", Host),
            ("https://acme.example./rest/1/s3cr3tt0ken/", Host),
            ("https://почта.example/rest/1/s3cr3tt0ken/", Host),
            ("https://acme.example:0/rest/1/s3cr3tt0ken/", Host),
            ("https://acme.example:99999/rest/1/s3cr3tt0ken/", Host),
            ("https:///rest/1/s3cr3tt0ken/", Host),
            ("https://[::0001]/rest/1/s3cr3tt0ken/", Host),
        ] {
            let refused = Webhook::parse(url).expect_err(url);
            assert_eq!(refused, error, "{url}");
            assert!(!refused.to_string().contains(TOKEN) && !format!("{refused:?}").contains(TOKEN));
        }
    }

    #[test]
    fn the_token_cannot_be_printed() {
        let webhook = Webhook::parse(&format!("https://acme.example/rest/17/{TOKEN}/")).unwrap();
        assert_eq!(webhook.to_string(), "https://acme.example/rest/17/…");
        assert!(!format!("{webhook:?}").contains(TOKEN));
        assert_eq!(
            webhook.url("profile").expose_secret(),
            "https://acme.example/rest/17/s3cr3tt0ken/profile"
        );
    }

    #[test]
    fn a_fingerprint_depends_on_token_and_key() {
        let one = Webhook::parse("https://acme.example/rest/17/abc/").unwrap();
        let other = Webhook::parse("https://acme.example/rest/17/abd/").unwrap();
        assert_eq!(one.fingerprint(&[0; 32]).len(), 16);
        assert_ne!(one.fingerprint(&[0; 32]), other.fingerprint(&[0; 32]));
        assert_ne!(one.fingerprint(&[0; 32]), one.fingerprint(&[1; 32]));
        let mut bytes = vec![FINGERPRINT_TAG];
        bytes.extend([0; 32]);
        bytes.extend(b"abc");
        let whole = <[u8; 32]>::from(Sha256::digest(&bytes))
            .map(|byte| format!("{byte:02x}"))
            .concat();
        assert!(whole.starts_with(&one.fingerprint(&[0; 32])));
    }
}
